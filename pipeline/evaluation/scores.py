"""The scores of a model on a split, and MD5s of what was scored."""

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from pipeline.dataset.manifest import MANIFEST, ManifestRow
from pipeline.disk.files import md5_of
from pipeline.disk.records import Count, Measure, read_record, write_record
from pipeline.errors import EvidenceError
from pipeline.evaluation.bootstrap import Interval
from pipeline.evaluation.metrics.metric import NO_INTERVAL, MetricResult, name_by_class
from pipeline.evaluation.metrics.table import in_order
from pipeline.evaluation.reasons import Reason
from pipeline.evaluation.slices import Slice

SCORES = Path("work/evaluate/scores.json")
MADE_BY = "the stage `evaluate`"


@dataclass(frozen=True)
class Evidence:
    """MD5s of everything that was scored: SavedModel's folder, manifest's file, and test split (`md5_of_test_split`).

    The gate computes them again and compares.
    """

    model_md5: str
    manifest_md5: str
    test_md5: str


@dataclass(frozen=True)
class Baseline:
    """The majority-class baseline: scores of a model that always predicts the class with the most training pixels."""

    class_name: str
    mean_iou: Measure
    pixel_accuracy: Measure


@dataclass(frozen=True)
class Bootstrap:
    """Settings of the intervals.

    Attributes:
        unit: drawn by the bootstrap, "group", "image" or "block"; "" without intervals.
        confidence: of the intervals, in (0, 1).
        min_units: with fewer units there is no interval.
        num_left_out: groups or images that are not units, because every pixel of theirs is ignored.
        within_groups: several units are of one group, so they are alike and the level is not kept.
    """

    unit: Literal["group", "image", "block", ""]
    confidence: Measure
    min_units: Count
    num_left_out: Count = 0
    within_groups: bool = False


NO_BOOTSTRAP = Bootstrap("", math.nan, 0)


class Number(NamedTuple):
    """A number of the scores that the gate can compare: in [0, 1], or nan, as are the ends of a missing interval."""

    value: float
    interval: Interval


@dataclass(frozen=True)
class Scores:
    """Scores of a model on a split, pixels pooled over the split, ignored ones left out; nan for what has no score.

    Attributes:
        metrics: result of each of `METRICS`, by name; "mean_iou" is always there.
        baseline: the majority-class baseline.
        support: pixels of the target by class name.
        strays: pixels of each class that is predicted though no label has it, by name; it is not in the mean IoU.
        num_images: images scored.
        num_pixels: pixels scored.
        evidence: MD5s of what was scored.
        bootstrap: settings of the intervals.
        slices: scores of parts of the split.
    """

    metrics: Mapping[str, MetricResult]
    baseline: Baseline
    support: Mapping[str, Count]
    strays: Mapping[str, Count]
    num_images: Count
    num_pixels: Count
    evidence: Evidence
    bootstrap: Bootstrap
    slices: tuple[Slice, ...]

    @property
    def mean_iou(self) -> float:
        """See `confusion.mean_iou`."""
        return self.metrics["mean_iou"].value

    @property
    def iou(self) -> Mapping[str, float]:
        """By class name; nan for a class that is in neither target nor prediction."""
        return self.metrics["mean_iou"].by_class

    def numbers(self) -> dict[str, Number]:
        """Every number by its name in the gate and in MLflow: "mean_iou", "iou/car", "mean_iou/brightness/dark"."""
        numbers = {}
        for metric in in_order(self.metrics):
            result = self.metrics[metric]
            numbers[metric] = Number(result.value, result.interval)
            for name, value in result.by_class.items():
                number = Number(value, result.intervals.get(name, NO_INTERVAL))
                numbers[name_by_class(metric, name)] = number
        return numbers | {f"mean_iou/{part.key}": Number(part.mean_iou, part.interval) for part in self.slices}

    def write(self, path: Path = SCORES) -> None:
        """Writes the scores as JSON, nan as null."""
        write_record(path, self)

    @classmethod
    def read(cls, path: Path = SCORES) -> "Scores":
        """Reads the scores, null as nan.

        Raises:
            EvidenceError: they are missing, not JSON, or a field is missing or of the wrong type.
        """
        scores = read_record(path, cls, MADE_BY)
        if "mean_iou" not in scores.metrics:
            raise EvidenceError(f"{path}: is not what {MADE_BY} writes (metrics: no mean_iou); run it again")
        return scores


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


def compare_evidence(scored: Evidence, current: Evidence) -> list[Reason]:
    """A reason "stale" for each part of the evidence that changed since it was scored."""
    return [
        Reason("stale", {"part": part, "current": getattr(current, part), "scored": getattr(scored, part)})
        for part in ("model_md5", "manifest_md5", "test_md5")
        if getattr(scored, part) != getattr(current, part)
    ]
