"""The protocol of a metric, its input and its result."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np

from pipeline.dataset.manifest import ManifestRow
from pipeline.disk.records import Count, Measure
from pipeline.evaluation.bootstrap import Interval
from pipeline.evaluation.image_table import ImageTable
from pipeline.serving.predictor import Prediction

IGNORED = 255
NO_INTERVAL = Interval(math.nan, math.nan, math.nan, 0)


class Setting(NamedTuple):
    """Settings of an evaluation, given to each metric when it is made.

    Attributes:
        class_names: of the K classes, in order of id.
        boundary_width: of the band of boundary IoU, as a share of the image's diagonal.
        boundary_tolerance_px: for boundary F1.
        bootstrap: unit, num_resamples, seed, confidence and min_units of `bootstrap.mean_iou_interval`.
    """

    class_names: tuple[str, ...]
    boundary_width: float
    boundary_tolerance_px: int
    bootstrap: Mapping[str, Any]


@dataclass(frozen=True)
class Seen:
    """One image, (H, W, 3) uint8 RGB, with its label, (H, W) uint8 ids or the data set's ignore id, and its prediction.

    `row` is that of the manifest, `matrix` has the (K, K) int64 counts of `confusion`.
    """

    row: ManifestRow
    image: np.ndarray
    target: np.ndarray
    prediction: Prediction
    matrix: np.ndarray
    ignore_id: int

    @cached_property
    def counted(self) -> tuple[np.ndarray, np.ndarray]:
        """Target and predicted mask (H, W) uint8, both `IGNORED` wherever the target is ignored."""
        ignored = self.target == self.ignore_id
        return hide(self.target, ignored), hide(self.prediction.mask, ignored)

    @cached_property
    def confidence(self) -> np.ndarray:
        """(H, W) float32 probability of the predicted class."""
        return self.prediction.confidence()


@dataclass(frozen=True)
class Bin:
    """The pixels whose confidence is in (low, high]; 0 itself is in the first bin.

    The mean probability of the predicted class and the share of right pixels are nan without pixels.
    """

    low: float
    high: float
    num_pixels: Count
    confidence: Measure
    accuracy: Measure


@dataclass(frozen=True)
class MetricResult:
    """Result of a metric on a split.

    Attributes:
        value: of the whole split, in [0, 1]; nan if there is nothing to score.
        by_class: the same by class name; empty for a metric that has no classes.
        interval: of `value`; its ends are nan for a metric without intervals.
        intervals: of `by_class`; empty for a metric without intervals.
        bins: of a reliability plot; empty for a metric without one.
    """

    value: Measure
    by_class: Mapping[str, Measure] = field(default_factory=dict)
    interval: Interval = NO_INTERVAL
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    bins: tuple[Bin, ...] = ()


class Metric(Protocol):
    """One metric of one evaluation: takes each image in, then gives its result."""

    @property
    def has_classes(self) -> bool:
        """Whether its results have a value for each class."""

    def add(self, seen: Seen) -> None:
        """Takes an image in; images come one after the other, metrics run in threads."""

    def result(self, table: ImageTable) -> MetricResult:
        """The result on all images; `table` holds the confusion counts of each."""


def by_name(class_names: Sequence[str], values: np.ndarray) -> dict[str, float]:
    """Values (K,) by class name."""
    return dict(zip(class_names, values.tolist(), strict=True))


def name_by_class(metric: str, class_name: str) -> str:
    """Name of a class's value in the gate, in MLflow and in the plots: "iou/car" of "mean_iou"."""
    return f"{metric.removeprefix('mean_')}/{class_name}"


def hide(ids: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """The ids (H, W) uint8, `IGNORED`, all bits set, where `hidden` is; a tenth of the time of `np.where`."""
    return np.asarray(ids | np.negative(hidden.view(np.uint8)))
