"""`METRICS`: each is in the scores, in MLflow, in the report and in the plots, and the gate can ask for it by name."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.evaluation.bootstrap import class_intervals, mean_iou_interval
from pipeline.evaluation.image_table import ImageTable
from pipeline.evaluation.metrics.boundary import BoundaryF1, BoundaryIou
from pipeline.evaluation.metrics.calibration import CalibrationError
from pipeline.evaluation.metrics.metric import Metric, MetricResult, Seen, Setting, by_name, name_by_class
from pipeline.vision import confusion

Shares = Callable[[np.ndarray], np.ndarray]
"""(K,) float64 by class of (K, K) counts."""


class MeanIou:
    """`confusion.mean_iou` and the IoU of each class, with intervals of the bootstrap."""

    has_classes = True

    def __init__(self, setting: Setting) -> None:
        self.bootstrap = setting.bootstrap

    def add(self, seen: Seen) -> None:
        """Nothing: the IoU follows from the counts."""

    def result(self, table: ImageTable) -> MetricResult:
        """Mean IoU and IoU by class."""
        matrix = table.pooled()
        return MetricResult(
            value=confusion.mean_iou(matrix),
            by_class=by_name(table.class_names, confusion.iou_per_class(matrix)),
            interval=mean_iou_interval(table, **self.bootstrap),
            intervals=class_intervals(table, **self.bootstrap),
        )


@dataclass(frozen=True)
class FromCounts:
    """A metric that follows from the pooled confusion counts (K, K), without intervals, with values by class or not."""

    value: Callable[[np.ndarray], float]
    by_class: Shares | None = None

    @property
    def has_classes(self) -> bool:
        """Whether there is a value for each class."""
        return self.by_class is not None

    def __call__(self, _: Setting) -> Metric:
        """Itself: it keeps nothing of an evaluation."""
        return self

    def add(self, seen: Seen) -> None:
        """Nothing: the counts of the image are in the table."""

    def result(self, table: ImageTable) -> MetricResult:
        """Of the pooled counts."""
        matrix = table.pooled()
        values = by_name(table.class_names, self.by_class(matrix)) if self.by_class else {}
        return MetricResult(self.value(matrix), values)


def macro(shares: Shares) -> FromCounts:
    """The shares by class and their plain mean over the classes that have one, scikit-learn's "macro avg"."""
    return FromCounts(lambda matrix: confusion.mean(shares(matrix)), shares)


def weighted(shares: Shares) -> FromCounts:
    """The mean of the shares, weighted by the target's pixels, scikit-learn's "weighted avg"."""
    return FromCounts(lambda matrix: confusion.weighted_mean(shares(matrix), matrix.sum(axis=1)))


METRICS: Mapping[str, Callable[[Setting], Metric]] = {
    "mean_iou": MeanIou,
    "pixel_accuracy": FromCounts(confusion.pixel_accuracy),
    "frequency_weighted_iou": weighted(confusion.iou_per_class),
    "precision": macro(confusion.precision),
    "recall": macro(confusion.recall),
    "f1": macro(confusion.f1),
    "weighted_precision": weighted(confusion.precision),
    "weighted_recall": weighted(confusion.recall),
    "weighted_f1": weighted(confusion.f1),
    "boundary_iou": BoundaryIou,
    "boundary_f1": BoundaryF1,
    "calibration_error": CalibrationError,
}
"""In the order in which people read them. Values are shares in [0, 1] or nan; the gate sets floors and ceilings."""


def in_order(names: Iterable[str]) -> list[str]:
    """Names of metrics in the order of `METRICS`, unknown ones last; a file of scores has lost it."""
    places = {name: place for place, name in enumerate(METRICS)}
    return sorted(names, key=lambda name: places.get(name, len(places)))


def names_of(class_names: Sequence[str]) -> list[str]:
    """Every name that `gate.floors` knows for these classes, slices left out: "mean_iou", "iou/car", ..."""
    setting = Setting(tuple(class_names), 0, 0, {})
    with_classes = {metric for metric, make in METRICS.items() if make(setting).has_classes}
    by_class = (name_by_class(metric, name) for metric in METRICS if metric in with_classes for name in class_names)
    return [*METRICS, *by_class]
