"""The scores of a model on a split, and the evidence that says what was scored."""

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from pipeline.dataset.manifest import MANIFEST, ManifestRow
from pipeline.disk.files import md5_of, read_json, write_json
from pipeline.disk.records import Count, parse_record
from pipeline.errors import EvidenceError
from pipeline.evaluation.bootstrap import Interval
from pipeline.evaluation.boundary import NO_BOUNDARY, BoundaryScores
from pipeline.evaluation.calibration import NO_CALIBRATION, Calibration
from pipeline.evaluation.slices import Slice
from pipeline.text import quoted

SCORES = Path("work/evaluate/scores.json")
MADE_BY = "the stage `evaluate`"
AVERAGES = ("micro avg", "macro avg", "weighted avg")


@dataclass(frozen=True)
class Evidence:
    """What was scored; the gate computes it again and compares.

    Attributes:
        model_md5: of the SavedModel's folder.
        manifest_md5: of the manifest's file.
        test_md5: of the test split, see `md5_of_test_split`.
    """

    model_md5: str
    manifest_md5: str
    test_md5: str


@dataclass(frozen=True)
class Floor:
    """The scores of one that always says the commonest class.

    Attributes:
        class_name: the class with the most pixels in the truth.
        mean_iou: in [0, 1].
        pixel_accuracy: in [0, 1].
    """

    class_name: str
    mean_iou: float
    pixel_accuracy: float


@dataclass(frozen=True)
class ReportRow:
    """A row of the classification report; nan where a share has no pixels to be of.

    Attributes:
        precision: in [0, 1].
        recall: in [0, 1].
        f1: in [0, 1].
        support: pixels of the truth.
    """

    precision: float
    recall: float
    f1: float
    support: Count


@dataclass(frozen=True)
class Intervals:
    """Bootstrap intervals; low and high are nan where there is too little to show one.

    Attributes:
        unit: what was drawn anew, "group" or "image"; "" where nothing was.
        confidence: of the intervals, in (0, 1).
        min_units: fewer units than this show no interval.
        mean_iou: of `Scores.mean_iou`.
        iou: by class name.
        num_left_out: groups or images that are no units, because every pixel of theirs is ignored.
    """

    unit: Literal["group", "image", ""]
    confidence: float
    min_units: Count
    mean_iou: Interval
    iou: Mapping[str, Interval]
    num_left_out: Count = 0


NO_INTERVALS = Intervals("", math.nan, 0, Interval(math.nan, math.nan, math.nan, 0), {})


@dataclass(frozen=True)
class Scores:
    """Scores of a model, pixels pooled over the split, ignored ones left out; nan where there is nothing to score.

    Attributes:
        mean_iou: see `confusion.mean_iou`: mean of `iou` over the classes that a label has.
        pixel_accuracy: share of the pixels that are right.
        frequency_weighted_iou: mean of `iou`, weighted by the pixels of the truth.
        floor: the same for one that always says the commonest class.
        iou: by class name; nan where a class is in neither truth nor prediction.
        classification_report: by class name and by each of `AVERAGES`.
        num_images: images scored.
        num_pixels: pixels scored.
        evidence: what was scored.
        intervals: of the mean IoU and of each class.
        boundary: how well the classes' edges are met.
        calibration: whether the probabilities can be believed.
        slices: scores of parts of the split.
        strays: pixels of each class that is predicted though no label has it, by name; it is not in `mean_iou`.
    """

    mean_iou: float
    pixel_accuracy: float
    frequency_weighted_iou: float
    floor: Floor
    iou: Mapping[str, float]
    classification_report: Mapping[str, ReportRow]
    num_images: Count
    num_pixels: Count
    evidence: Evidence
    intervals: Intervals = NO_INTERVALS
    boundary: BoundaryScores = NO_BOUNDARY
    calibration: Calibration = NO_CALIBRATION
    slices: tuple[Slice, ...] = ()
    strays: Mapping[str, Count] = field(default_factory=dict)

    def write(self, path: Path = SCORES) -> None:
        """Writes the scores as JSON, nan as null."""
        content = _without_nan(asdict(self))
        content["floor"]["class"] = content["floor"].pop("class_name")
        write_json(path, content)

    @classmethod
    def read(cls, path: Path = SCORES) -> "Scores":
        """Reads the scores, null as nan.

        Raises:
            EvidenceError: they are missing, not JSON, or a field is missing or of the wrong type.
        """
        content = read_json(path, MADE_BY)
        if not isinstance(content, dict) or not isinstance(content.get("floor"), dict):
            raise EvidenceError(f"{path}: is not what {MADE_BY} writes (floor: no table); run it again")
        if missing := [one.name for one in fields(cls) if one.name not in content]:
            raise EvidenceError(f"{path}: is not what {MADE_BY} writes ({missing[0]}: Field required); run it again")
        floor = {"class_name" if name == "class" else name: value for name, value in content["floor"].items()}
        found = parse_record(_with_nan(content | {"floor": floor}), cls, path, MADE_BY)
        if lost := {*found.iou, *AVERAGES} - found.classification_report.keys():
            what = f"classification_report lacks {quoted(min(lost))}"
            raise EvidenceError(f"{path}: is not what {MADE_BY} writes ({what}); run it again")
        return found


def evidence_of(model: Path, rows: Iterable[ManifestRow], manifest: Path = MANIFEST) -> Evidence:
    """The evidence of scoring the SavedModel folder `model` on the test rows among the `rows` of a manifest.

    Raises:
        EvidenceError: the model or the manifest is missing.
    """
    for path in (model, manifest):
        if not path.exists():
            raise EvidenceError(f"{path}: not found; expected what is to be scored, run `dvc repro` first")
    return Evidence(md5_of(model), md5_of(manifest), md5_of_test_split(rows))


def md5_of_test_split(rows: Iterable[ManifestRow]) -> str:
    """MD5 over the sorted names, groups and file MD5s of the test rows: the same wherever the files lie."""
    lines = sorted(f"{row.name}\t{row.group}\t{row.image_md5}\t{row.mask_md5}\n" for row in rows if row.split == "test")
    return hashlib.md5("".join(lines).encode(), usedforsecurity=False).hexdigest()


def compare_evidence(scored: Evidence, found: Evidence) -> list[str]:
    """What was scored and is no longer what is found, a sentence each; empty where all belongs together."""
    names = {"model_md5": "the model", "manifest_md5": "the manifest", "test_md5": "the test split"}
    return [
        f"stale: {what} is {getattr(found, name)}, scored was {getattr(scored, name)}; run `dvc repro` again"
        for name, what in names.items()
        if getattr(scored, name) != getattr(found, name)
    ]


def _with_nan(content: Any) -> Any:
    if isinstance(content, dict):
        return {name: _with_nan(value) for name, value in content.items()}
    if isinstance(content, list):
        return [_with_nan(value) for value in content]
    return math.nan if content is None else content


def _without_nan(content: Any) -> Any:
    if isinstance(content, dict):
        return {name: _without_nan(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [_without_nan(value) for value in content]
    return None if isinstance(content, float) and math.isnan(content) else content
