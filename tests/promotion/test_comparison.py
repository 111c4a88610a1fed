"""Tests of the comparison of two models."""

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from pipeline.errors import EvidenceError, ParamsError
from pipeline.evaluation.image_table import ImageTable
from pipeline.promotion.comparison import compare
from pipeline.vision.confusion import iou_per_class, mean_iou
from tests.evaluation.test_image_table import table_of

SETTINGS: dict[str, Any] = {"unit": "group", "num_resamples": 500, "seed": 0, "confidence": 0.95, "min_units": 5}
GROUPS = "abcdefghijkl"
COUNTS = np.random.default_rng(0).integers(1, 30, (12, 2, 2)) + np.eye(2, dtype=int) * 200


def shifted(counts: np.ndarray, share: float) -> np.ndarray:
    """Counts in which a share of the wrong pixels of each image has become right."""
    moved = np.floor(counts * (1 - np.eye(2)) * share).astype(int)
    return np.asarray(counts - moved + moved.sum(axis=2)[:, :, None] * np.eye(2, dtype=int))


def test_difference_is_that_of_the_scores() -> None:
    """The estimates are the differences of the scores of the split, and the truth lies in the interval."""
    champion, challenger = table_of(COUNTS, GROUPS), table_of(shifted(COUNTS, 0.3), GROUPS)
    found = compare(challenger, champion, **SETTINGS)
    assert found.difference.estimate == mean_iou(challenger.pooled()) - mean_iou(champion.pooled())
    assert 0 < found.difference.low < found.difference.estimate < found.difference.high
    ious = iou_per_class(challenger.pooled()) - iou_per_class(champion.pooled())
    assert_array_equal([found.by_class[name].estimate for name in ("sky", "car")], ious)
    assert found.p_value < 0.01
    assert found.num_units == 12


def test_pairing_sees_what_two_intervals_do_not() -> None:
    """Units of very different difficulty hide nothing, because both models have the same in each resample."""
    hard = COUNTS.copy()
    hard[::2, 0, 1] += 300
    found = compare(table_of(shifted(hard, 0.05), GROUPS), table_of(hard, GROUPS), **SETTINGS)
    assert found.difference.low > 0


@pytest.mark.parametrize("counts", [COUNTS, COUNTS[::-1]])
def test_a_model_against_itself_is_a_tie(counts: np.ndarray) -> None:
    """The difference and both its ends are 0, and the p-value is 1."""
    table = table_of(counts, GROUPS)
    found = compare(table, table, **SETTINGS)
    assert (found.difference.estimate, found.difference.low, found.difference.high, found.p_value) == (0, 0, 0, 1)


@given(st.floats(0, 0.5), st.floats(0, 0.5))
def test_sides_can_be_changed(one: float, other: float) -> None:
    """The champion against the challenger is the same with the signs turned; percentiles but for rounding."""
    tables = [table_of(shifted(COUNTS, share), GROUPS) for share in (one, other)]
    there, back = compare(tables[0], tables[1], **SETTINGS), compare(tables[1], tables[0], **SETTINGS)
    assert there.difference.estimate == -back.difference.estimate
    assert (there.difference.low, there.difference.high) == pytest.approx((-back.difference.high, -back.difference.low))
    assert there.by_class["car"].low == pytest.approx(-back.by_class["car"].high)


@given(st.lists(st.integers(0, 12), min_size=1, max_size=4))
def test_a_group_without_a_counted_pixel_changes_no_number(places: list[int]) -> None:
    """It is not a unit of the comparison, which counts it as left out."""
    better, groups = shifted(COUNTS, 0.3), np.array(list(GROUPS), "U9")
    more = [np.insert(counts, places, 0, axis=0) for counts in (better, COUNTS)]
    names = np.insert(groups, places, [f"empty {index}" for index in range(len(places))]).tolist()
    found = compare(table_of(more[0], names), table_of(more[1], names), **SETTINGS)
    plain = compare(table_of(better, GROUPS), table_of(COUNTS, GROUPS), **SETTINGS)
    assert found == replace(plain, num_left_out=len(places))


def test_few_groups_show_nothing() -> None:
    """With fewer groups than `min_units` no end and no p-value is a number."""
    tables = [table_of(counts, "aaabbbcccddd") for counts in (shifted(COUNTS, 0.5), COUNTS)]
    found = compare(tables[0], tables[1], **SETTINGS)
    assert math.isnan(found.difference.low) and math.isnan(found.p_value)
    assert found.num_units == 4


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (table_of(COUNTS, GROUPS, ("sky", "bus")), "different classes: 'car' and 'bus'"),
        (table_of(COUNTS[:7], GROUPS[:7]), "different images: 'image_007' and 'nothing'"),
        (table_of(COUNTS, "a" * 12), "different groups: 'b' and 'a'"),
        (table_of(COUNTS + np.eye(2, dtype=int), GROUPS), "different masks of image_000"),
    ],
)
def test_only_the_same_split_can_be_compared(other: ImageTable, message: str) -> None:
    """Other classes, images, groups or masks make no pair."""
    with pytest.raises(EvidenceError, match=f"were scored on {message}; score both on today's test split"):
        compare(table_of(COUNTS, GROUPS), other, **SETTINGS)


def test_class_that_no_label_has_is_left_out() -> None:
    """Stray pixels of such a class are wrong pixels, not a class of IoU 0 that the other model has not."""
    stray, worse = np.zeros((12, 3, 3), int), np.zeros((12, 3, 3), int)
    stray[:, :2, :2] = worse[:, :2, :2] = COUNTS
    stray[:, 0] += (-1, 0, 1)
    worse[:, 0] += (-20, 20, 0)
    names = ("sky", "car", "tram")
    found = compare(table_of(worse, GROUPS, names), table_of(stray, GROUPS, names), **SETTINGS)
    assert found.difference.high < 0 and found.p_value_worse < 0.01 < found.p_value
    assert (found.challenger_mean_iou, found.champion_mean_iou) == tuple(
        mean_iou(counts.sum(axis=0)) for counts in (worse, stray)
    )
    assert found.unlabelled == ("tram",) and math.isnan(found.by_class["tram"].estimate)


def test_costs_weigh_the_classes() -> None:
    """The difference, its interval and the test are of the weighted mean IoU; equal costs are none."""
    tables = table_of(COUNTS + [[-50, 50], [0, 0]], GROUPS), table_of(COUNTS + [[0, 0], [40, -40]], GROUPS)
    ious = np.array([iou_per_class(table.pooled()) for table in tables])
    for costs in ({"car": 9.0}, {"sky": 0.1}, {"car": 2.0, "sky": 2.0}):
        found = compare(*tables, **SETTINGS, class_costs=costs)
        weights = [costs.get(name, 1.0) for name in ("sky", "car")]
        assert found.weighted_mean_ious == pytest.approx(np.average(ious, axis=1, weights=weights))
        expected = np.subtract(*np.average(ious, axis=1, weights=weights))
        assert found.difference.estimate == pytest.approx(expected)
        assert found.difference.low <= expected <= found.difference.high
    plain = compare(*tables, **SETTINGS, class_costs={})
    assert plain.weighted_mean_ious is None and found.difference.low == pytest.approx(plain.difference.low)
    assert (found.p_value, found.by_class, found.challenger_mean_iou) == (
        *(plain.p_value, plain.by_class, plain.challenger_mean_iou),
    )
    with pytest.raises(ParamsError, match="promote.class_costs names 'tram', the classes are sky, car; correct it"):
        compare(*tables, **SETTINGS, class_costs={"tram": 2.0})


def test_the_share_of_better_resamples() -> None:
    """Near 1 for a better challenger, near 0 for a worse one; a difference without an interval has none."""
    tables = table_of(shifted(COUNTS, 0.3), GROUPS), table_of(COUNTS, GROUPS)
    assert compare(*tables, **SETTINGS).better_share == 1 - compare(*tables[::-1], **SETTINGS).better_share == 1
    few = [table_of(counts, "aaabbbcccddd") for counts in (shifted(COUNTS, 0.5), COUNTS)]
    assert math.isnan(compare(few[0], few[1], **SETTINGS).better_share)


def test_json_has_no_nan() -> None:
    """A number that does not exist is null in the ledger; the interval of each class is there by name."""
    tables = [table_of(counts, "aaabbbcccddd") for counts in (shifted(COUNTS, 0.5), COUNTS)]
    content = json.loads(json.dumps(compare(tables[0], tables[1], **SETTINGS).to_dict(), allow_nan=False))
    assert (content["low"], content["p_value"], content["num_units"]) == (None, None, 4)
    assert content["by_class"].keys() == {"sky", "car"} and content["unit"] == "group"
    assert content["worst_groups"]["names"] == ["d"] and "brightness/dark" in content["by_slice"]
