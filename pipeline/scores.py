"""The scores of a model on a split, and the evidence that says what was scored."""

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipeline.bootstrap import Interval
from pipeline.boundary import NO_BOUNDARY, BoundaryScores
from pipeline.calibration import NO_CALIBRATION, Bin, Calibration
from pipeline.errors import EvidenceError
from pipeline.files import md5_of, read_json, write_json
from pipeline.manifest import MANIFEST, Row
from pipeline.slices import KINDS, Slice

SCORES = Path("work/evaluate/scores.json")
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
    support: int


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

    unit: str
    confidence: float
    min_units: int
    mean_iou: Interval
    iou: Mapping[str, Interval]
    num_left_out: int = 0


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
    num_images: int
    num_pixels: int
    evidence: Evidence
    intervals: Intervals = NO_INTERVALS
    boundary: BoundaryScores = NO_BOUNDARY
    calibration: Calibration = NO_CALIBRATION
    slices: tuple[Slice, ...] = ()
    strays: Mapping[str, int] = field(default_factory=dict)

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
        content = read_json(path, "the stage `evaluate`")
        try:
            return _parse(content)
        except (AttributeError, KeyError, TypeError) as err:
            raise EvidenceError(
                f"{path}: is not what the stage `evaluate` writes ({type(err).__name__}: {err}); run it again"
            ) from err


def evidence_of(model: Path, rows: Iterable[Row], manifest: Path = MANIFEST) -> Evidence:
    """The evidence of scoring the SavedModel folder `model` on the test rows among the `rows` of a manifest.

    Raises:
        EvidenceError: the model or the manifest is missing.
    """
    for path in (model, manifest):
        if not path.exists():
            raise EvidenceError(f"{path}: not found; expected what is to be scored, run `dvc repro` first")
    return Evidence(md5_of(model), md5_of(manifest), md5_of_test_split(rows))


def md5_of_test_split(rows: Iterable[Row]) -> str:
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


def _parse(content: Any) -> Scores:
    floor, evidence = content["floor"], content["evidence"]
    report = {name: content["classification_report"][name] for name in (*content["iou"], *AVERAGES)}
    return Scores(
        mean_iou=_number(content["mean_iou"]),
        pixel_accuracy=_number(content["pixel_accuracy"]),
        frequency_weighted_iou=_number(content["frequency_weighted_iou"]),
        floor=Floor(_text(floor["class"]), _number(floor["mean_iou"]), _number(floor["pixel_accuracy"])),
        iou={name: _number(value) for name, value in content["iou"].items()},
        classification_report={name: _parse_row(row) for name, row in report.items()},
        num_images=_count(content["num_images"]),
        num_pixels=_count(content["num_pixels"]),
        evidence=Evidence(**{name: _text(evidence[name]) for name in Evidence.__dataclass_fields__}),
        intervals=_parse_intervals(content["intervals"]),
        boundary=_parse_boundary(content["boundary"]),
        calibration=_parse_calibration(content["calibration"]),
        slices=tuple(_parse_slice(row) for row in content["slices"]),
        strays={name: _count(number) for name, number in content["strays"].items()},
    )


def _parse_intervals(content: Any) -> Intervals:
    return Intervals(
        _one_of(content["unit"], ("group", "image", "")),
        _number(content["confidence"]),
        _count(content["min_units"]),
        Interval.from_dict(content["mean_iou"]),
        {name: Interval.from_dict(row) for name, row in content["iou"].items()},
        _count(content["num_left_out"]),
    )


def _parse_boundary(content: Any) -> BoundaryScores:
    return BoundaryScores(
        _number(content["mean_iou"]),
        _number(content["mean_f1"]),
        {name: _number(value) for name, value in content["iou"].items()},
        {name: _number(value) for name, value in content["f1"].items()},
        _number(content["width"]),
        _count(content["tolerance_px"]),
    )


def _parse_calibration(content: Any) -> Calibration:
    bins = [
        Bin(
            _number(row["low"]),
            _number(row["high"]),
            _count(row["num_pixels"]),
            _number(row["confidence"]),
            _number(row["accuracy"]),
        )
        for row in content["bins"]
    ]
    return Calibration(_number(content["error"]), tuple(bins))


def _parse_slice(row: Any) -> Slice:
    low, high, interval = _number(row["low"]), _number(row["high"]), Interval.from_dict(row["interval"])
    kind, name = _one_of(row["kind"], KINDS), _text(row["name"])
    return Slice(kind, name, _count(row["num_images"]), _number(row["mean_iou"]), low, high, interval)


def _parse_row(row: Any) -> ReportRow:
    return ReportRow(_number(row["precision"]), _number(row["recall"]), _number(row["f1"]), _count(row["support"]))


def _number(value: Any) -> float:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"found {value!r}, expected a number or null")
    return float(value)


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TypeError(f"found {value!r}, expected a count")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"found {value!r}, expected a text")
    return value


def _one_of(value: Any, known: tuple[str, ...]) -> str:
    if value not in known:
        raise TypeError(f"found {value!r}, expected one of {', '.join(name or 'nothing' for name in known)}")
    return str(value)


def _without_nan(content: Any) -> Any:
    if isinstance(content, dict):
        return {name: _without_nan(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [_without_nan(value) for value in content]
    return None if isinstance(content, float) and math.isnan(content) else content
