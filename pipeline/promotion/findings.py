"""Findings that several rules of promotion share, and the limits they are judged by. Imports no statistics."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from pipeline.disk.records import nan_as_null
from pipeline.evaluation.reasons import Reason, Value

if TYPE_CHECKING:
    from pipeline.promotion.comparison import Comparison

NoiseRule = Literal["note", "require"]


class Finding(NamedTuple):
    """A reason and its weight.

    Attributes:
        passed: False speaks against the challenger; None is a note, which decides nothing and is always reported.
        reason: code and values.
    """

    passed: bool | None
    reason: Reason


@dataclass(frozen=True)
class Limits:
    """Limits that a challenger is judged by.

    Attributes:
        margin: of mean IoU, from 0.
        class_margin: of a class's IoU, from 0, for what its interval shows.
        rare_class_margin: of a class's IoU, from 0, for what is measured in `min_units` effective units or fewer.
        group_margin: of the mean IoU that is measured in the worst groups and in each slice, from 0.
        noise_floor: of `segline noise`, a difference of mean IoU; None: not measured.
        noise_rule: the noise floor is reported only ("note"), or `superior` asks for more than it ("require").
    """

    margin: float
    class_margin: float
    rare_class_margin: float
    group_margin: float
    noise_floor: float | None
    noise_rule: NoiseRule

    def __post_init__(self) -> None:
        margins = (self.margin, self.class_margin, self.rare_class_margin, self.group_margin)
        assert all(margin >= 0 for margin in margins), self  # nan: False


def give_reason(code: str, **values: Value) -> Reason:
    """A reason with its values, nan as None."""
    return Reason(code, nan_as_null(values))


def units_to_exchange(level: float) -> int:
    """Units that the exchange test needs: of U units no difference has a smaller p-value than 0.5**U."""
    return math.ceil(-math.log2(level))


def judge_noise(against: Comparison, limits: Limits, is_required: bool) -> Iterator[Finding]:
    """Compares the difference with the noise floor; nothing if the difference has no interval.

    The noise floor is a property of a recipe, not of a model: a better model stays better, though another seed may not
    reproduce it. So it decides only if it is required.
    """
    if not against.difference.is_shown:
        return
    if limits.noise_floor is None:
        yield Finding(None, give_reason("noise_floor_unknown"))
        return
    plain = against.challenger_mean_iou - against.champion_mean_iou  # the noise floor knows no costs of classes
    difference = plain if against.weighted_mean_ious else against.difference.estimate
    is_above = difference > limits.noise_floor >= 0  # nan: False
    short = "noise_floor_required" if is_required else "within_noise_floor"
    reason = give_reason("noise_floor_exceeded" if is_above else short, noise_floor=limits.noise_floor)
    yield Finding(is_above if is_required else None, reason)


def judge_margin(against: Comparison, margin: float, reference: str) -> Finding:
    """Non-inferiority to the reference, "champion" or "anchor": the lower end of the difference is above -`margin`."""
    if not against.difference.is_shown:
        return lacks_units(against, reference)
    is_above = against.difference.low > -margin
    code = "non_inferior" if is_above else "non_inferiority_not_demonstrated"
    return Finding(is_above, give_reason(code, margin=margin, **describe(against, reference)))


def lacks_units(against: Comparison, reference: str) -> Finding:
    """A difference without an interval, which speaks against the challenger."""
    units = {"num_units": against.num_units, "min_units": against.min_units, "unit": against.unit}
    return Finding(False, give_reason("too_few_units", reference=reference, **units))


def describe(against: Comparison, reference: str) -> dict[str, Value]:
    """The values of a difference of mean IoU, or weighted mean IoU."""
    means = against.weighted_mean_ious or (against.challenger_mean_iou, against.champion_mean_iou)
    return {
        **({"is_weighted": True} if against.weighted_mean_ious else {}),
        "reference": reference,
        "mean_iou": means[0],
        "reference_mean_iou": means[1],
        "difference": against.difference.estimate,
        "low": against.difference.low,
        "high": against.difference.high,
        "confidence": against.confidence,
        "num_units": against.num_units,
        "num_effective": against.difference.num_effective,
        "unit": against.unit,
    }
