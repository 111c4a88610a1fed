"""Comparisons as if they were measured, for tests of rules and decisions."""

import math
from dataclasses import replace

from pipeline.evaluation.bootstrap import Interval
from pipeline.evaluation.slices import WorstGroups
from pipeline.promotion.comparison import Comparison
from pipeline.promotion.findings import Limits

NAN = math.nan
LIMITS = Limits(
    margin=0.005, class_margin=0.05, rare_class_margin=0.05, group_margin=0.15, noise_floor=None, noise_rule="require"
)
BETTER = Comparison(
    difference=Interval(0.02, 0.01, 0.03, 12, 9.6),
    by_class={"sky": Interval(0.02, 0.0, 0.04, 12, 9.6), "car": Interval(0.02, -0.01, 0.05, 9, 7.0)},
    worst_groups=WorstGroups(-0.1, ("north",)),
    by_slice={"brightness/dark": 0.01, "brightness/bright": -0.02},
    p_value=0.01,
    p_value_worse=1.0,
    challenger_mean_iou=0.82,
    champion_mean_iou=0.80,
    num_units=12,
    unit="group",
    min_units=5,
    confidence=0.95,
    unlabelled=(),
)
TIE = replace(BETTER, difference=Interval(0.0, -0.003, 0.003, 12), p_value=0.6, champion_mean_iou=0.82)
WORSE = replace(BETTER, difference=Interval(-0.01, -0.02, 0.0, 12), p_value=0.9, champion_mean_iou=0.83)
FEW = replace(
    BETTER,
    difference=Interval(0.02, NAN, NAN, 3, 2.5),
    by_class={"sky": Interval(0.02, NAN, NAN, 3, 2.5), "car": Interval(0.02, NAN, NAN, 1, 1.0)},
    p_value=NAN,
    num_units=3,
)


def with_class(against: Comparison, **classes: Interval) -> Comparison:
    """The same comparison with other classes."""
    return replace(against, by_class={**against.by_class, **classes})
