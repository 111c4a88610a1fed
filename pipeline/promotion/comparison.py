"""Two models on the same images: their difference, its confidence interval and its p-values."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pipeline.disk.records import nan_as_null
from pipeline.errors import ParamsError
from pipeline.evaluation.bootstrap import (
    Interval,
    Unit,
    class_supports,
    count_left_out,
    draw_weights,
    draws_within_groups,
    exchange_test,
    mean_over_classes,
    percentile_interval,
    resampled_iou,
    support_of,
    t_interval,
    unit_sums,
)
from pipeline.evaluation.image_table import ImageTable, check_same_images
from pipeline.evaluation.slices import WorstGroups, group_changes, slice_changes, worst_groups
from pipeline.text import quoted
from pipeline.vision.confusion import iou_per_class, mean_iou

CLASS_CONFIDENCE = 0.99
"""Of each end of a class's difference, whatever the number of classes.

A promotion takes that no class has lost more than the margin. Such an intersection-union test keeps the level of its
single tests (Berger, 1982), so there is no correction for their number.
"""


@dataclass(frozen=True)
class Comparison:
    """The difference of two models on the same images. Here, the champion is any model to compare with.

    Attributes:
        difference: challenger minus champion, mean IoU, or weighted mean IoU if classes have costs. Each of its ends
            holds at `confidence`; both together hold at 2 * `confidence` - 1, as in tests of equivalence (Schuirmann,
            1987).
        by_class: the same of each class's IoU, by name, each end at `CLASS_CONFIDENCE`.
        worst_groups: the groups that lose most.
        by_slice: change of the mean IoU of each slice by size and brightness, such as "brightness/dark".
        p_value: of the exchange test: probability that two equal models differ as much in favour of the challenger;
            nan if the difference has no interval.
        p_value_worse: the same in favour of the champion.
        challenger_mean_iou: `confusion.mean_iou` of all images.
        num_units: units that were drawn.
        min_units: with fewer units, or fewer units with a class, there is no interval.
        confidence: in (0.5, 1).
        unlabelled: classes that a model predicts and no label has; they are left out of everything.
        num_left_out: groups or images of the split that are not units, because every pixel of theirs is ignored.
        within_groups: several units are of one group, so they are alike and the level is not kept.
        better_share: share of the bootstrap's resamples in which the challenger is better: its probability of
            improvement, approximately; nan if the difference has no interval.
        weighted_mean_ious: weighted mean IoU of challenger and champion; None: all classes count alike.
    """

    difference: Interval
    by_class: Mapping[str, Interval]
    worst_groups: WorstGroups
    by_slice: Mapping[str, float]
    p_value: float
    p_value_worse: float
    challenger_mean_iou: float
    champion_mean_iou: float
    num_units: int
    unit: Unit
    min_units: int
    confidence: float
    unlabelled: tuple[str, ...]
    num_left_out: int = 0
    within_groups: bool = False
    better_share: float = math.nan
    weighted_mean_ious: tuple[float, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """For the ledger: nan as None."""
        content = {
            **asdict(self.difference),
            "p_value": self.p_value,
            "p_value_worse": self.p_value_worse,
            "better_share": self.better_share,
            "weighted_mean_ious": self.weighted_mean_ious,
            "mean_ious": (self.challenger_mean_iou, self.champion_mean_iou),
            "confidence": self.confidence,
            "unit": self.unit,
            "by_class": {name: asdict(interval) for name, interval in self.by_class.items()},
            "worst_groups": self.worst_groups._asdict(),
            "by_slice": dict(self.by_slice),
            "unlabelled": self.unlabelled,
        }
        return dict(nan_as_null(content))


def compare(
    challenger: ImageTable,
    champion: ImageTable,
    *,
    unit: Unit,
    num_resamples: int,
    seed: int,
    confidence: float,
    min_units: int,
    class_costs: Mapping[str, float] | None = None,
) -> Comparison:
    """Compares two models that were scored on the same images, by the same draws of units for both.

    Args:
        unit: groups are drawn, or images if these are independent, or blocks of neighbouring images.
        num_resamples: resamples of the bootstrap, and exchanges of the test.
        seed: of both.
        class_costs: weight of each class in the weighted mean IoU, by name, 1 for the others; none: mean IoU.

    Raises:
        ParamsError: a class with a cost is unknown.
        EvidenceError: the tables are of other images, masks, groups or classes.
    """
    check_same_images(challenger, champion)
    pair = [unit_sums(table, unit)[1] for table in (challenger, champion)]
    supports = class_supports(pair[0], min_units)
    is_labelled = np.array([support.num_units > 0 for support in supports])
    pooled = [table.pooled() for table in (challenger, champion)]
    costs, mean_ious = _costs_of(challenger.class_names, class_costs or {}), [mean_iou(matrix) for matrix in pooled]
    ious = [np.where(is_labelled, iou_per_class(matrix), np.nan) for matrix in pooled]
    weights = draw_weights(len(pair[0]), num_resamples, seed)
    resampled = [resampled_iou(sums, weights) for sums in pair]
    means = mean_ious if costs is None else mean_over_classes(np.stack(ious), costs).tolist()
    changes = mean_over_classes(resampled[0], costs) - mean_over_classes(resampled[1], costs)
    difference = percentile_interval(means[0] - means[1], changes, confidence, support_of(pair[0], min_units))
    classes = zip((ious[0] - ious[1]).tolist(), (resampled[0] - resampled[1]).T, supports, strict=True)
    by_class = [t_interval(*one[:2], CLASS_CONFIDENCE, one[2], (-1, 1)) for one in classes]
    tested = (math.nan, math.nan)
    if difference.is_shown:
        tested = exchange_test(pair[0], pair[1], num_resamples, seed, costs)
    predicted = (pair[0] + pair[1]).sum(axis=(0, 1)) > 0
    return Comparison(
        difference=difference,
        by_class=dict(zip(challenger.class_names, by_class, strict=True)),
        worst_groups=worst_groups(group_changes(challenger, champion)),
        by_slice=slice_changes(challenger, champion),
        p_value=tested[0],
        p_value_worse=tested[1],
        challenger_mean_iou=mean_ious[0],
        champion_mean_iou=mean_ious[1],
        num_units=len(pair[0]),
        unit=unit,
        min_units=min_units,
        confidence=confidence,
        unlabelled=tuple(np.array(challenger.class_names)[predicted & ~is_labelled].tolist()),
        num_left_out=count_left_out(challenger, unit),
        better_share=float((changes > 0).mean()) if difference.is_shown else math.nan,
        weighted_mean_ious=None if costs is None else (means[0], means[1]),
        within_groups=draws_within_groups(challenger, unit),
    )


def _costs_of(class_names: Sequence[str], class_costs: Mapping[str, float]) -> np.ndarray | None:
    if unknown := sorted(class_costs.keys() - set(class_names)):
        raise ParamsError(
            f"promote.class_costs names {quoted(unknown[0])}, the classes are {', '.join(class_names)}; correct it"
        )
    return np.array([class_costs.get(name, 1.0) for name in class_names]) if class_costs else None
