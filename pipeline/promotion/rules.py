"""Rules of promotion by name, and how one is applied together with the limits of classes and anchor.

A new rule is a file with one function and its line in `RULES`. Imports no statistics, as params reads the names.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.evaluation.reasons import Reason, Value
from pipeline.promotion.findings import (
    Finding,
    Limits,
    describe,
    give_reason,
    judge_margin,
    judge_noise,
    lacks_units,
    units_to_exchange,
)
from pipeline.text import show_names

if TYPE_CHECKING:
    from pipeline.promotion.comparison import Comparison


@dataclass(frozen=True)
class Ruling:
    """Whether a challenger may replace the champion.

    Attributes:
        promoted: no finding speaks against it.
        reasons: of a promotion all findings; of a refusal those that speak against it, and the notes.
    """

    promoted: bool
    reasons: tuple[Reason, ...]


def superior(against: Comparison, limits: Limits) -> Iterator[Finding]:
    """The challenger is better: the lower end of the difference is above 0, and the exchange test agrees."""
    if not against.difference.is_shown:
        yield lacks_units(against, "champion")
        return
    is_above = against.difference.low > 0
    code = "superior" if is_above else "superiority_not_demonstrated"
    yield Finding(is_above, give_reason(code, **describe(against, "champion")))
    yield _judge_exchange(against)
    yield from judge_noise(against, limits, is_required=limits.noise_rule == "require")


def non_inferior(against: Comparison, limits: Limits) -> Iterator[Finding]:
    """The challenger is not worse than the champion by the margin."""
    yield judge_margin(against, limits.margin, "champion")
    yield from judge_noise(against, limits, is_required=False)


RULES: dict[str, Callable[[Comparison, Limits], Iterator[Finding]]] = {
    "superior": superior,
    "non_inferior": non_inferior,
}


def judge(rule: str, limits: Limits, against_champion: Comparison | None, against_anchor: Comparison | None) -> Ruling:
    """Applies a rule of promotion; nan speaks against the challenger.

    Under each rule the challenger must not be worse than the anchor by the margin, so that losses cannot add up over
    many promotions, and no class, group or slice may lose more than its margin against champion or anchor.

    Args:
        rule: a name of `RULES`.
        against_champion: None: there is no champion, and the gate's thresholds alone decide.
        against_anchor: None: there is no anchor; `against_champion` itself if the champion is the anchor.
    """
    findings = list(_judge(rule, limits, against_champion, against_anchor))
    promoted = all(finding.passed is not False for finding in findings)
    return Ruling(promoted, tuple(finding.reason for finding in findings if promoted or not finding.passed))


def _judge(rule: str, limits: Limits, champion: Comparison | None, anchor: Comparison | None) -> Iterator[Finding]:
    if champion is None:
        yield Finding(None, give_reason("no_champion"))
    else:
        yield from RULES[rule](champion, limits)
        yield from _judge_classes(champion, limits, "champion")
        yield from _judge_parts(champion, limits.group_margin, "champion")
    either = champion or anchor
    if either and either.num_left_out:
        yield Finding(None, give_reason("units_left_out", num_units=either.num_left_out, unit=either.unit))
    if either and either.within_groups:
        is_image = either.unit == "image"
        yield Finding(None, give_reason("images_of_one_group" if is_image else "blocks_of_one_group"))
    if champion and anchor is None:
        yield Finding(None, give_reason("no_anchor"))
    if anchor and anchor is not champion:
        yield judge_margin(anchor, limits.margin, "anchor")
        yield from _judge_classes(anchor, limits, "anchor")
        yield from _judge_parts(anchor, limits.group_margin, "anchor")


def _judge_exchange(against: Comparison) -> Finding:
    """The test by exchange."""
    level, needed = 1 - against.confidence, units_to_exchange(1 - against.confidence)
    values = {"p_value": against.p_value, "level": level, "num_units": against.num_units, "unit": against.unit}
    if against.p_value <= level:
        return Finding(True, give_reason("exchange_test_passed", **values))
    if against.num_units < needed:
        least = 0.5**against.num_units
        return Finding(False, give_reason("exchange_test_lacks_units", least=least, needed=needed, **values))
    return Finding(False, give_reason("exchange_test_failed", **values))


def measured_margin(against: Comparison, name: str, rare_class_margin: float) -> float:
    """The loss of a class up to which the measured difference is enough, without proof by the interval.

    It is `rare_class_margin` up to `min_units` effective units, and shrinks from there on as the standard error does.
    So with more units the chance that an equal class passes never falls, and that of a worse one does. There is no
    number of units from which on a class is judged by another rule.
    """
    units = max(against.by_class[name].num_effective, against.min_units)
    return rare_class_margin * math.sqrt(against.min_units / units)


def _judge_classes(against: Comparison, limits: Limits, reference: str) -> Iterator[Finding]:
    """A class passes if its interval shows that it lost less than the margin, or if it was measured to lose little."""
    known = {name: interval for name, interval in against.by_class.items() if not math.isnan(interval.estimate)}
    shown = {name for name, interval in known.items() if interval.low > -limits.class_margin}  # nan: False
    lost = 0
    for name, interval in known.items():
        measured = measured_margin(against, name, limits.rare_class_margin)
        if name in shown:
            continue
        passed = interval.estimate > -measured  # nan: False
        values: dict[str, Value] = {"class_name": name, "reference": reference, "margin": limits.class_margin}
        values |= {"difference": interval.estimate, "low": interval.low, "high": interval.high, "measured": measured}
        values |= {"num_units": interval.num_units, "unit": against.unit}
        lost += not passed
        code = "class_measured" if passed else "class_loss" if interval.is_shown else "rare_class_loss"
        yield Finding(None if passed else False, give_reason(code, **values))
    if not any(interval.is_shown for interval in known.values()):
        yield Finding(False, give_reason("no_class_judged", reference=reference, unit=against.unit))
    elif not lost:
        yield Finding(True, give_reason("no_class_loss", reference=reference, margin=limits.class_margin))
    for name in (name for name in against.by_class if name not in known):
        code = "class_without_labels" if name in against.unlabelled else "class_not_judged"
        yield Finding(None, give_reason(code, class_name=name, reference=reference, unit=against.unit))


def _judge_parts(against: Comparison, margin: float, reference: str) -> Iterator[Finding]:
    """The groups that lose most, and each slice, by what is measured."""
    worst = against.worst_groups
    changes = {"worst_groups": worst.change, **against.by_slice}
    lost = {part: change for part, change in changes.items() if not change > -margin}  # nan: lost
    values: dict[str, Value] = {"reference": reference, "margin": margin}
    if not lost:
        yield Finding(True, give_reason("no_part_loss", **values))
    for part, change in lost.items():
        which: dict[str, Value] = {"groups": show_names(worst.names)} if part == "worst_groups" else {"slice": part}
        code = "group_loss" if part == "worst_groups" else "slice_loss"
        yield Finding(False, give_reason(code, difference=change, **which, **values))
