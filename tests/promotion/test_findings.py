"""Tests of limits and of reasons with their values."""

import math

import pytest

from pipeline.evaluation.reasons import Reason
from pipeline.promotion.findings import Limits, give_reason, judge_noise
from tests.promotion.made_comparisons import BETTER, FEW, LIMITS


@pytest.mark.parametrize(
    "margins", [(math.nan, 0.05, 0.1, 0.1), (0.1, math.nan, 0.1, 0.1), (0.1, 0.1, -0.1, 0.1), (0.1, 0.1, 0.1, -0.1)]
)
def test_margins_are_numbers_from_0(margins: tuple[float, float, float, float]) -> None:
    """Params give shares, so anything else is a mistake in the code."""
    with pytest.raises(AssertionError):
        Limits(*margins, None, "note")


def test_nan_is_none_in_a_reason() -> None:
    """Values are JSON."""
    assert give_reason("code", value=math.nan, name="a") == Reason("code", {"value": None, "name": "a"})


def test_noise_floor_of_a_difference_without_interval() -> None:
    """It is compared with a difference that has an interval only."""
    assert list(judge_noise(FEW, LIMITS, is_required=True)) == []
    assert [finding.reason.code for finding in judge_noise(BETTER, LIMITS, is_required=True)] == ["noise_floor_unknown"]
