"""Rules of promotion by name, and how one is applied together with the limits of classes and anchor.

A new rule is a file with one function and its line in `RULES`. Imports no statistics, as params reads the names.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.evaluation.reasons import Reason, Value
from pipeline.promotion.findings import Finding, Limits, describe, give_reason, judge_margin, judge_noise, lacks_units

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
    many promotions, and no class that can be judged may be worse by the class margin than champion or anchor.

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
        yield from _judge_classes(champion, limits.class_margin, "champion")
    either = champion or anchor
    if either and either.num_left_out:
        yield Finding(None, give_reason("units_left_out", num_units=either.num_left_out, unit=either.unit))
    if champion and anchor is None:
        yield Finding(None, give_reason("no_anchor"))
    if anchor and anchor is not champion:
        yield judge_margin(anchor, limits.margin, "anchor")
        yield from _judge_classes(anchor, limits.class_margin, "anchor")


def _judge_exchange(against: Comparison) -> Finding:
    """The test by exchange; no difference of U units has a smaller p-value than 0.5**U."""
    level, least = 1 - against.confidence, 0.5**against.num_units
    values = {"p_value": against.p_value, "level": level, "num_units": against.num_units, "unit": against.unit}
    if against.p_value <= level:
        return Finding(True, give_reason("exchange_test_passed", **values))
    if least > level:
        needed = math.ceil(-math.log2(level))
        return Finding(False, give_reason("exchange_test_lacks_units", least=least, needed=needed, **values))
    return Finding(False, give_reason("exchange_test_failed", **values))


def _judge_classes(against: Comparison, class_margin: float, reference: str) -> Iterator[Finding]:
    shown = {name: interval for name, interval in against.by_class.items() if interval.is_shown}
    lost = {name: interval for name, interval in shown.items() if not interval.low > -class_margin}
    limit: dict[str, Value] = {"reference": reference, "margin": class_margin}
    for name, interval in lost.items():
        ends: dict[str, Value] = {"difference": interval.estimate, "low": interval.low, "high": interval.high}
        units: dict[str, Value] = {"num_units": interval.num_units, "unit": against.unit}
        yield Finding(False, give_reason("class_loss", class_name=name, **limit, **ends, **units))
    if not shown:
        yield Finding(False, give_reason("no_class_judged", reference=reference, unit=against.unit))
    elif not lost:
        yield Finding(True, give_reason("no_class_loss", **limit))
    yield from _list_unjudged(against, reference)


def _list_unjudged(against: Comparison, reference: str) -> Iterator[Finding]:
    """Notes on the classes that are left out: of too few units, or in no label."""
    for name, interval in against.by_class.items():
        if not interval.is_shown:
            units: dict[str, Value] = {"num_units": interval.num_units, "min_units": against.min_units}
            units |= {"unit": against.unit, "difference": interval.estimate}
            yield Finding(None, give_reason("class_not_judged", class_name=name, reference=reference, **units))
    for name in against.unlabelled:
        yield Finding(None, give_reason("class_without_labels", class_name=name, reference=reference))
