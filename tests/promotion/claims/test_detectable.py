"""Tests of the differences that a split can show."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from pipeline.evaluation.bootstrap import Interval
from pipeline.evaluation.image_table import ImageTable
from pipeline.promotion.claims.detectable import detectable, heaviest_part, spread_of
from pipeline.promotion.comparison import compare
from tests.promotion.made_comparisons import BETTER, FEW

SETTINGS: dict[str, Any] = {"unit": "group", "num_resamples": 4000, "seed": 0, "confidence": 0.95, "min_units": 5}


def tables_of(noise: np.ndarray) -> tuple[ImageTable, ImageTable]:
    """Two models on N images, two a group, in which the second has `noise` (N,) more pixels of 1000 wrong."""
    names = tuple(f"{index:02}" for index in range(len(noise)))
    groups, ones = tuple(f"{index // 2:02}" for index in range(len(noise))), np.ones(len(noise), np.int64)
    brightness = np.arange(len(noise), dtype=float)
    matrices = [
        np.array([[[1000 - wrong, wrong], [100, 900]] for wrong in (100 + added)]) for added in (0 * noise, noise)
    ]
    one, other = (ImageTable(("a", "b"), names, groups, ones, 2000 * ones, brightness, matrix) for matrix in matrices)
    return one, other


def test_spread_is_that_of_the_interval() -> None:
    """The standard error times Student's t is half of the interval's width; without an interval it is nan.

    The degrees of freedom are those of the interval: of the effective number of units, 9.6 of 12.
    """
    error, freedom = spread_of(BETTER)
    assert freedom == pytest.approx(8.6) and error * stats.t.ppf(0.95, 8.6) == pytest.approx(0.01)
    assert math.isnan(spread_of(FEW)[0]) and detectable(FEW) is None


def test_spread_is_that_of_the_units() -> None:
    """It is near the standard deviation of the units' differences over the root of their number."""
    one, other = tables_of(np.random.default_rng(0).integers(-50, 50, 60))
    pooled = [table.matrices.reshape(30, 2, 2, 2).sum(axis=1) for table in (one, other)]
    errors = np.subtract(*(sums[:, 0, 1] / 2000 for sums in pooled))
    found = compare(one, other, **SETTINGS)
    per_error = found.difference.estimate / errors.mean()  # mean IoU a share of wrong pixels
    assert spread_of(found)[0] == pytest.approx(abs(per_error) * errors.std(ddof=1) / 30**0.5, rel=0.1)


def test_smallest_difference_with_80_percent_power() -> None:
    """(t(0.95) + t(0.8)) standard errors; it falls as the root of the number of units, and with it Student's t."""
    found = detectable(BETTER)
    at_level, at_power = stats.t.ppf([0.95, 0.8], 8.6)
    assert found and found.difference == pytest.approx((at_level + at_power) * 0.01 / at_level, rel=1e-4)
    assert found.difference < 0.02 and found.more_for_2 == 0
    assert found.difference > 0.01 and 8 < found.more_for_1 < 16  # about (1.49**2 - 1) * 12, less as t falls
    grown = replace(BETTER, num_units=12 + found.more_for_1)
    scale = (12 / grown.num_units) ** 0.5
    error = spread_of(BETTER)[0] * scale
    assert (1.73 + 0.86) * error < 0.0101
    assert (found.part, [reason.code for reason in found.reasons("group", 12)]) == (None, ["detectable"])


def test_exchange_test_needs_units_too() -> None:
    """With a level of 1 / 1000 ten groups are the least, however small the spread."""
    sharp = replace(BETTER, difference=Interval(0.02, 0.01999, 0.02001, 6, 6), num_units=6, confidence=0.999)
    found = detectable(sharp)
    assert found and (found.more_for_1, found.more_for_2) == (4, 4)
    assert math.isnan(found.difference)
    assert [(one.code, one.values["needed"]) for one in found.reasons("group", 6)] == [("nothing_detectable", 10)]


def test_heaviest_part_is_where_the_models_differ_most() -> None:
    """Dark images differ in both directions, the others hardly: they have the variance, and are named."""
    random = np.random.default_rng(0)
    noise = np.concatenate([random.integers(-90, 90, 10), random.integers(-9, 9, 20)])
    one, other = tables_of(noise)
    name, share = heaviest_part(one, other, "group")
    assert name == "brightness/dark" and 0.9 < share < 1.1
    assert heaviest_part(one, other, "image")[0] == name
    found = detectable(compare(one, other, **SETTINGS), (one, other))
    assert found and found.part == name
    codes = [[reason.code for reason in replace(found, more_for_1=3).reasons(unit, 15)] for unit in ("group", "block")]
    assert codes == [["detectable", "heaviest_part"], ["detectable_by_blocks"]]


def test_equal_models_have_no_heaviest_part() -> None:
    """Without a difference there is no variance to share."""
    one, _ = tables_of(np.zeros(12, np.int64))
    name, share = heaviest_part(one, one, "group")
    assert name is None and math.isnan(share)
