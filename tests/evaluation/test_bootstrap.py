"""Tests of the error bars."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from pipeline.evaluation.bootstrap import (
    CHUNK_CELLS,
    Support,
    Unit,
    class_intervals,
    class_supports,
    count_left_out,
    draw_weights,
    draws_within_groups,
    effective_units,
    exchange_test,
    has_class,
    mean_iou_interval,
    mean_over_classes,
    percentile_interval,
    resampled_iou,
    support_of,
    t_interval,
    unit_sums,
)
from pipeline.evaluation.image_table import ImageTable
from pipeline.vision.confusion import iou_per_class, mean_iou, weighted_mean
from tests.evaluation.test_image_table import table_of

COUNTS = hnp.arrays(np.int64, st.tuples(st.integers(1, 6), st.just(3), st.just(3)), elements=st.integers(0, 4))
RANDOM = np.random.default_rng(0)
SKY_CAR = RANDOM.integers(1, 50, (12, 2, 2)) + np.eye(2, dtype=int) * 100
NINE = Support(9, 9.0, 5)
SETTINGS: dict[str, Any] = {"num_resamples": 400, "seed": 0, "confidence": 0.95, "min_units": 5}


def test_unit_sums() -> None:
    """Images of a group are added; the groups stand in order of name, whatever order the images have."""
    counts = np.arange(12).reshape(3, 2, 2)
    names, sums = unit_sums(table_of(counts, ("b", "a", "b")), "group")
    assert names == ("a", "b")
    assert_array_equal(sums, [counts[1], counts[0] + counts[2]])
    assert sums.dtype == np.int64
    assert_array_equal(unit_sums(table_of(counts, "aaa"), "image")[1], counts)


@given(st.integers(1, 40), st.integers(1, 30), st.integers(0, 9))
def test_weights_are_draws_with_replacement(num_units: int, num_resamples: int, seed: int) -> None:
    """Each resample has as many units as there are; the seed alone decides which."""
    weights = draw_weights(num_units, num_resamples, seed)
    assert weights.shape == (num_resamples, num_units)
    assert (weights >= 0).all()
    assert (weights.sum(axis=1) == num_units).all()
    assert_array_equal(weights, draw_weights(num_units, num_resamples, seed))


def test_weights_are_multinomial() -> None:
    """Each unit is drawn once on the average, with the variance of a multinomial count; other seeds draw others."""
    weights = draw_weights(10, 20_000, 0)
    assert_allclose(weights.mean(axis=0), 1, atol=0.03)
    assert_allclose(weights.var(axis=0), 0.9, atol=0.05)
    assert (draw_weights(10, 20, 0) != draw_weights(10, 20, 1)).any()


def test_large_draws_come_in_parts() -> None:
    """More cells than are drawn at a time still make whole resamples."""
    num_units = CHUNK_CELLS // 2
    weights = draw_weights(num_units, 5, 0)
    assert (weights.sum(axis=1) == num_units).all()
    assert len({row.tobytes() for row in weights}) == 5


@given(COUNTS, st.integers(0, 3))
@settings(max_examples=50)
def test_resampled_iou_is_that_of_the_drawn_units(sums: np.ndarray, seed: int) -> None:
    """The slow way, adding up what was drawn, gives the same IoU of each labelled class and the same mean."""
    weights = draw_weights(len(sums), 5, seed)
    fast = resampled_iou(sums, weights)
    slow = [sum(count * unit for count, unit in zip(row, sums, strict=True)) for row in weights]
    labelled = [np.where(matrix.sum(axis=1) > 0, iou_per_class(matrix), np.nan) for matrix in slow]
    assert_array_equal(fast, labelled)
    assert_allclose(mean_over_classes(fast), [mean_iou(matrix) for matrix in slow])
    costs = np.arange(1.0, fast.shape[1] + 1)
    weighted = [weighted_mean(np.nan_to_num(row), np.where(np.isnan(row), 0, costs)) for row in fast]
    assert_allclose(mean_over_classes(fast, costs), weighted)
    assert_allclose(mean_over_classes(fast, np.full_like(costs, 7.0)), mean_over_classes(fast))


def test_a_unit_has_a_class_if_its_truth_has_more_than_a_trace() -> None:
    """A wrong prediction of the class does not count, and a hundredth of the usual number of pixels is the least."""
    sums = np.array([[[300, 2], [0, 0]], [[0, 9], [0, 3]], [[302, 0], [0, 0]], [[2, 0], [0, 0]], [[3, 0], [0, 0]]])
    assert_array_equal(has_class(sums), [[1, 0], [1, 1], [1, 0], [0, 0], [1, 0]])


def test_traces_of_a_class_make_no_interval() -> None:
    """A class that lies in one group, and with a pixel in each of eleven others, is in one group."""
    counts = SKY_CAR.copy()
    counts[1:, 1] = (0, 1)
    car = class_intervals(table_of(counts, "abcdefghijkl"), unit="group", **SETTINGS)["car"]
    assert (car.num_units, car.is_shown) == (1, False) and car.num_effective == pytest.approx(1, abs=0.2)


def test_effective_units_are_those_of_kish() -> None:
    """Units of one size count in full, one that has nearly all counts as one; a class in no label has none."""
    sums = np.zeros((4, 3, 3), int)
    sums[:, 0, 0], sums[:, 1, 0] = 7, (1000, 1, 1, 1)
    assert_allclose(effective_units(sums), [4, 1003**2 / 1000003, np.nan])
    assert support_of(sums, 5).num_effective == pytest.approx((4 + 1003**2 / 1000003) / 2)
    assert [support.num_units for support in class_supports(sums, 5)] == [4, 1, 0]


def test_fewer_effective_units_make_a_wider_interval() -> None:
    """The degrees of freedom are theirs, one at least."""
    resampled = RANDOM.normal(0.5, 0.01, 500)
    widths = []
    for effective in (20.0, 6.0, 2.0, 1.1):
        support = Support(20, effective, 5)
        student, percentiles = (
            t_interval(0.5, resampled, 0.9, support, (0, 1)),
            percentile_interval(0.5, resampled, 0.9, support),
        )
        assert student.num_effective == percentiles.num_effective == effective
        widths.append(student.high - student.low)
        assert percentiles.high - percentiles.low == pytest.approx(widths[-1], rel=0.5)
    assert widths[0] < widths[1] < widths[2] == widths[3]


def test_blocks_are_runs_of_neighbouring_images_of_a_group() -> None:
    """A group has ten of about one size, in order of the images' names; what shows nothing is no unit."""
    counts = np.repeat(SKY_CAR, 2, axis=0)
    counts[:2] = 0
    table = table_of(counts, "a" * 21 + "bbb")
    names, sums = unit_sums(table, "block")
    assert names == (*(f"a/{number}" for number in range(10)), "b/0", "b/1", "b/2")
    assert_array_equal(sums.sum(axis=0), counts.sum(axis=0))
    assert_array_equal(sums[-3:], counts[-3:])
    assert draws_within_groups(table, "block") and draws_within_groups(table, "image")
    assert not draws_within_groups(table, "group") and not draws_within_groups(
        table_of(SKY_CAR, "abcdefghijkl"), "image"
    )


def test_blocks_of_groups_whose_names_are_alike() -> None:
    """A group may be called as the block of another."""
    table = table_of(np.repeat(SKY_CAR, 2, axis=0), "a" * 12 + "b" * 12)
    alike = replace(table, groups=tuple({"a": "x", "b": "x/0"}[group] for group in table.groups))
    found, expected = ([one.tolist() for one in unit_sums(each, "block")[1]] for each in (alike, table))
    assert sorted(found) == sorted(expected)


def test_percentiles_are_those_of_hesterberg() -> None:
    """For 5 units and 95 % on each side the ends are at 0.0086, as his formula gives it by hand."""
    resampled = RANDOM.normal(size=2000)
    interval = percentile_interval(0.1, resampled, 0.95, Support(5, 5, 5))
    tail = stats.norm.cdf(-math.sqrt(5 / 4) * stats.t.ppf(0.95, 4))
    assert tail == pytest.approx(0.0086, abs=5e-5)
    assert (interval.low, interval.high) == pytest.approx(tuple(np.quantile(resampled, [tail, 1 - tail])))


def test_percentiles_that_rest_on_few_resamples_are_none() -> None:
    """With fewer than ten resamples beyond an end the ends are Student's."""
    resampled = RANDOM.normal(0.1, 0.01, 2000)
    for confidence, is_students in ((0.95, False), (0.999, True)):
        students = t_interval(0.1, resampled, confidence, Support(20, 20, 5), (-1, 1))
        assert (percentile_interval(0.1, resampled, confidence, Support(20, 20, 5)) == students) == is_students


def test_interval_of_a_mean_is_students() -> None:
    """Where the estimate is a plain mean, the interval is the one in every textbook, but for chance in the draws."""
    values = RANDOM.normal(0.5, 0.05, 8)
    resampled = draw_weights(8, 100_000, 0) @ values / 8
    interval = t_interval(values.mean(), resampled, 0.975, Support(8, 8, 5), (0, 1))
    expected = stats.t.interval(0.95, 7, values.mean(), stats.sem(values))
    assert (interval.low, interval.high) == pytest.approx(expected, abs=5e-4)


def test_bias_is_taken_off() -> None:
    """Resamples that are too low by as much on the average push the interval up by as much."""
    resampled = RANDOM.normal(0.5, 0.01, 1000)
    fair, biased = (t_interval(0.5, resampled + shift, 0.95, NINE, (0, 1)) for shift in (0, -0.005))
    assert (biased.low - fair.low, biased.high - fair.high) == pytest.approx((0.005, 0.005))


def test_interval_stays_within_its_limits_and_holds_the_estimate() -> None:
    """An IoU is never above 1, and no bias pushes the interval off its own estimate."""
    assert t_interval(0.99, RANDOM.normal(0.98, 0.05, 500), 0.95, NINE, (0, 1)).high == 1
    pushed = t_interval(0.5, np.linspace(0.1, 0.1001, 50), 0.95, NINE, (0, 1))
    assert pushed.low == 0.5
    assert pushed.high == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize(
    ("estimate", "resampled", "num_units"),
    [(0.5, np.full(9, 0.5), 4), (math.nan, np.full(9, 0.5), 9), (0.5, np.full(9, math.nan), 9)],
)
def test_too_little_is_not_shown(estimate: float, resampled: np.ndarray, num_units: int) -> None:
    """Too few units, no estimate or no resample that has one: the ends are nan, and the interval says so."""
    for interval in (
        t_interval(estimate, resampled, 0.95, Support(num_units, num_units, 5), (0, 1)),
        percentile_interval(estimate, resampled, 0.95, Support(num_units, num_units, 5)),
    ):
        assert math.isnan(interval.low) and math.isnan(interval.high)
        assert not interval.is_shown
        assert interval.num_units == num_units


def test_a_single_unit_is_never_shown() -> None:
    """No setting makes one unit tell of a spread."""
    assert not percentile_interval(0.5, np.full(9, 0.5), 0.95, Support(1, 1, 1)).is_shown


def test_intervals_of_a_table() -> None:
    """Mean and classes lie around the scores of the split; more confidence is wider; the bits are always the same."""
    table = table_of(SKY_CAR, "abcdefghijkl")
    interval = mean_iou_interval(table, unit="group", **SETTINGS)
    assert interval.estimate == mean_iou(table.pooled())
    assert interval.low < interval.estimate < interval.high
    assert interval == mean_iou_interval(table, unit="image", **SETTINGS)
    wider = mean_iou_interval(table, unit="group", **SETTINGS | {"confidence": 0.99})
    assert wider.low < interval.low and interval.high < wider.high
    classes = class_intervals(table, unit="group", **SETTINGS)
    assert [classes[name].estimate for name in ("sky", "car")] == iou_per_class(table.pooled()).tolist()
    assert all(row.low < row.estimate < row.high and row.num_units == 12 for row in classes.values())


def test_groups_and_not_images_are_what_counts() -> None:
    """The same images in four groups are four units, too few; a class in four groups is not shown either."""
    assert not mean_iou_interval(table_of(SKY_CAR, "abcd" * 3), unit="group", **SETTINGS).is_shown
    rare = SKY_CAR.copy()
    rare[4:, 1] = 0
    classes = class_intervals(table_of(rare, "abcdefghijkl"), unit="group", **SETTINGS)
    assert (classes["sky"].is_shown, classes["car"].is_shown) == (True, False)
    assert classes["car"].num_units == 4


def with_empty(counts: np.ndarray, groups: Sequence[str], places: Sequence[int]) -> ImageTable:
    """The table of `counts` with an image of ignored pixels alone before each place, in a group of its own."""
    names = [f"empty {index}" for index in range(len(places))]
    return table_of(
        np.insert(counts, places, 0, axis=0), np.insert(np.array(groups, "U9"), places, names).tolist(), "abc"
    )


@given(COUNTS.filter(lambda counts: counts.any(axis=(1, 2)).all()), st.sampled_from(["group", "image"]), st.data())
@settings(max_examples=40)
def test_a_unit_without_a_counted_pixel_is_none(counts: np.ndarray, unit: Unit, data: st.DataObject) -> None:
    """Groups and images of ignored pixels alone change no interval, wherever they stand; they are counted apart."""
    places = data.draw(st.lists(st.integers(0, len(counts)), min_size=1, max_size=4))
    groups = [f"group {index}" for index in range(len(counts))]
    plain, more = table_of(counts, groups, "abc"), with_empty(counts, groups, places)
    few: dict[str, Any] = SETTINGS | {"unit": unit, "num_resamples": 50, "min_units": 2}
    assert repr(mean_iou_interval(more, **few)) == repr(mean_iou_interval(plain, **few))
    assert repr(class_intervals(more, **few)) == repr(class_intervals(plain, **few))
    assert (count_left_out(plain, unit), count_left_out(more, unit)) == (0, len(places))


def test_groups_without_a_counted_pixel_do_not_make_an_interval() -> None:
    """One group with pixels and five without are one unit, not six whose interval has no width."""
    counts = np.zeros((6, 2, 2), int)
    counts[0] = SKY_CAR[0]
    interval = mean_iou_interval(table_of(counts, "abcdef"), unit="group", **SETTINGS)
    assert not interval.is_shown and interval.num_units == 1
    nothing = mean_iou_interval(table_of(counts[1:], "bcdef"), unit="group", **SETTINGS | {"min_units": 0})
    assert math.isnan(nothing.estimate) and nothing.num_units == 0


def test_exchange_test_is_exact() -> None:
    """Of the 2**3 exchanges of three units only the one that was found favours the better model as much."""
    worse = np.array([[[50, 10], [10, 50]], [[40, 10], [10, 50]], [[50, 20], [10, 40]]])
    better = worse + np.array([[[5, -5], [-5, 5]]])
    assert list(exchange_test(better, worse, 4000, 0)) == [pytest.approx(1 / 8, abs=0.02), 1]
    assert list(exchange_test(worse, better, 4000, 0)) == [1, pytest.approx(1 / 8, abs=0.02)]
    assert exchange_test(worse, worse, 100, 0) == (1, 1)
