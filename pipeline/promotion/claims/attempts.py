"""Attempts: decisions on one test split, counted in the ledger, and what so many of them do to level and score.

A level of 0.05 is that of one decision. Of many challengers that are no better, one passes by luck sooner or later. So
`promote.attempts: N` gives each decision the share 1 / N of the level (Bonferroni's correction; Dunn, 1961). All N
together then keep the level, however they depend on each other. Earlier attempts count by the units of today's split
that they were made on: new units are new evidence; other labels or fewer images are not.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr, ndtri

from pipeline.ledger.ledger import Line
from pipeline.promotion.claims.detectable import spread_of
from pipeline.promotion.comparison import Comparison

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(80)
TINY = 1e-9  # so that the rounding of a sum of shares is no attempt


@dataclass(frozen=True)
class Attempts:
    """The place of a decision among those on one test split.

    Attributes:
        number: of this attempt, 1 for the first; the earlier ones count by `weigh`.
        allowed: `promote.attempts`; 1: each decision is made at the whole level, and their number has no limit.
        level: of this decision, in (0, 0.5).
        chance: see `chance_of_any`; of this attempt and the earlier ones.
        optimism: see `bound_optimism`; of the champion after this attempt.
        are_used_up: the earlier attempts have spent the level, so this decision refuses, and is none of them later.
    """

    number: int
    allowed: int
    level: float
    chance: float
    optimism: float
    are_used_up: bool = False


def count_attempts(lines: Sequence[Line], pair: tuple[int, int, str], against: Comparison, allowed: int) -> Attempts:
    """Counts the decisions in the ledger that compared other models on units of today's split.

    The same pair on the same split is the same attempt, however often it is repeated.

    Args:
        pair: numbers of challenger and champion, and the test split's MD5.
        against: of the challenger with the champion, on today's split.
        allowed: `promote.attempts`.
    """
    past: dict[tuple[object, ...], tuple[float, float]] = {}
    for line in lines:
        champion, test_md5 = line.evidence.get("champion"), line.evidence.get("test_md5")
        found = line.evidence.get("comparisons", {}).get(str(champion))
        key = (line.version, champion, test_md5)
        is_refused = (line.evidence.get("attempts") or {}).get("are_used_up")
        if found and key != pair and not is_refused and (level := _level_of(found)):
            past[key] = max(past.get(key, (0, 0)), (weigh(found, against), level))
    weights = [weight for weight, _ in past.values()]
    levels = [level for _, level in past.values()]
    level, number = 1 - against.confidence, 1 + math.floor(sum(weights) + TINY)
    return Attempts(
        number=number,
        allowed=allowed,
        level=level,
        chance=chance_of_any([*levels, level], [*weights, 1]),
        optimism=bound_optimism(spread_of(against)[0], 2 + len(past)),
        are_used_up=1 < allowed < number,
    )


def _level_of(found: Mapping[str, float | None]) -> float | None:
    """The level of an earlier decision; None if it had no interval, so that nothing could be promoted."""
    confidence, low = found.get("confidence"), found.get("low")
    return None if confidence is None or low is None else 1 - confidence


def weigh(found: Mapping[str, object], against: Comparison) -> float:
    """The part of today's units, in (0, 1], that an earlier decision was made on, by the numbers of units.

    As many units count as the same ones, so an exchanged test split is no new evidence. If the unit was another one,
    the numbers say nothing, and the attempt counts whole.
    """
    num_units = found.get("num_units")
    if not isinstance(num_units, int) or num_units < 1 or found.get("unit") != against.unit:
        return 1.0
    return min(1.0, num_units / against.num_units)


def chance_of_any(levels: Sequence[float], weights: Sequence[float]) -> float:
    """The chance that at least one of many challengers passes that are all equal to one champion.

    The scores of challengers and champion are normal with one variance, and any two correlate alike, so the differences
    correlate by 1/2 (Dunnett, 1955): 1 - E[prod_i Phi(sqrt(2) z_i + Z)^w_i], by Gauss and Hermite.

    Args:
        levels: of the decisions, in (0, 0.5).
        weights: in [0, 1], how much of each counts.
    """
    logs = np.asarray(weights)[:, None] * log_ndtr(math.sqrt(2) * -ndtri(np.asarray(levels))[:, None] + NODES)
    return float(1 - np.exp(logs.sum(axis=0)) @ WEIGHTS / WEIGHTS.sum())


def bound_optimism(standard_error: float, num_models: int) -> float:
    """A bound on how much the best of n measured scores exceeds the true one, in expectation: SE * sqrt(2 ln n).

    It holds for the maximum of n variables that are normal, or lighter in the tails, however they depend on each other
    (Boucheron, Lugosi and Massart, 2013, Theorem 2.5). Here they are the errors of the differences to the first
    champion.

    Args:
        standard_error: of a difference of two models; nan gives nan.
        num_models: n, from 1.
    """
    return standard_error * math.sqrt(2 * math.log(num_models))
