"""Tests of the count of attempts, the chance that one passes, and the bound on the best score."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from pipeline.ledger.ledger import Aliases, Line
from pipeline.promotion.claims.attempts import Attempts, bound_optimism, chance_of_any, count_attempts
from pipeline.promotion.comparison import Comparison
from tests.promotion.made_comparisons import BETTER, NAN


def line_of(version: int, test_md5: str = "today", champion: int | None = 1, **changes: Any) -> Line:
    """A line of the ledger with the comparison of a version with the champion on twelve groups."""
    found = {"low": -0.01, "p_value": 0.4, "confidence": 0.95, "num_units": 12, "unit": "group", **changes}
    evidence = {"champion": champion, "test_md5": test_md5, "comparisons": {str(champion): found} if champion else {}}
    return Line("refuse", version, champion, 0, Aliases(1, None), (), evidence, "", "", str(version), version)


def count(*lines: Line, against: Comparison = BETTER, allowed: int = 1) -> Attempts:
    """The attempts after some lines, of version 99 against version 1."""
    return count_attempts(lines, (99, 1, "today"), against, allowed)


def test_first_attempt() -> None:
    """Without earlier comparisons it is the first, and the chance is the level; a first champion was no attempt."""
    first = count(line_of(1, champion=None))
    assert (first.number, first.allowed, first.are_used_up) == (1, 1, False)
    assert first.chance == pytest.approx(first.level) == pytest.approx(0.05)


def test_each_other_pair_is_an_attempt() -> None:
    """Another challenger or champion is one more; the same pair again, or one without an interval, is none."""
    lines = [line_of(2), line_of(3), line_of(3, champion=2), line_of(2)]
    assert count(*lines, line_of(99)).number == 4
    assert count(*lines, line_of(5, low=None)).number == 4


@pytest.mark.parametrize(
    ("then", "number"),
    [
        ({"num_units": 12}, 21),
        ({"num_units": 13}, 21),
        ({"num_units": 12, "test_md5": "relabelled"}, 21),
        ({"num_units": 6}, 11),
        ({"num_units": 600, "unit": "image"}, 21),
        ({"num_units": None}, 21),
        ({"num_units": 0}, 21),
    ],
)
def test_new_units_renew_attempts_in_their_proportion(then: dict[str, Any], number: int) -> None:
    """Neither other labels nor fewer images nor another kind of unit do; a line that holds no number counts whole."""
    assert count(*(line_of(version, **then) for version in range(2, 22)), against=BETTER).number == number  # 12 today


def test_attempts_are_used_up() -> None:
    """After N attempts the level is spent; 1 has no limit; a split that grew by a third has room again."""
    lines = [line_of(version) for version in range(2, 6)]
    assert count(*lines, allowed=4).are_used_up and not count(*lines[1:], allowed=4).are_used_up
    assert not count(*lines).are_used_up
    assert not count(*lines, allowed=4, against=replace(BETTER, num_units=16)).are_used_up
    refused = replace(line_of(6), evidence={**line_of(6).evidence, "attempts": {"are_used_up": True}})
    assert count(*lines, refused).number == count(*lines).number == 5


def test_chance_that_one_of_many_equals_passes() -> None:
    """It is that of normals that correlate by a half, lies below Bonferroni's bound, and weights count in part."""
    quantile = np.full(3, 1.6448536269514722)
    below = multivariate_normal(cov=(np.eye(3) + 1) / 2).cdf(quantile)
    assert chance_of_any([0.05] * 3, [1] * 3) == pytest.approx(1 - below, abs=1e-4)
    assert chance_of_any([0.05 / 52] * 52, [1] * 52) < 0.05 < chance_of_any([0.05] * 52, [1] * 52) < 52 * 0.05
    assert chance_of_any([0.05, 0.05], [0, 1]) == pytest.approx(0.05)
    assert chance_of_any([0.05, 0.05], [0.5, 1]) < chance_of_any([0.05, 0.05], [1, 1])


def test_best_of_many_is_flattered_by_less_than_the_bound() -> None:
    """The mean of the maximum of n normals lies below; one alone is not flattered, and nan stays nan."""
    drawn = np.random.default_rng(0).normal(0, 0.02, (2000, 53))
    assert 0.8 < drawn.max(axis=1).mean() / bound_optimism(0.02, 53) < 1
    assert bound_optimism(0.02, 1) == 0 and math.isnan(bound_optimism(NAN, 2))
