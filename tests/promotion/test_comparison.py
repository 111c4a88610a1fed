"""Tests of the comparison of two models and of the rule of promotion."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from pipeline.errors import EvidenceError
from pipeline.evaluation.bootstrap import Interval
from pipeline.evaluation.image_table import ImageTable
from pipeline.promotion.comparison import Comparison, Ruling, compare, judge
from pipeline.vision.confusion import iou_per_class, mean_iou
from tests.evaluation.test_image_table import table_of

SETTINGS: dict[str, Any] = {"unit": "group", "num_resamples": 500, "seed": 0, "confidence": 0.95, "min_units": 5}
LIMITS: dict[str, Any] = {"margin": 0.005, "class_margin": 0.05, "noise_floor": None, "noise_rule": "require"}
GROUPS = "abcdefghijkl"
COUNTS = np.random.default_rng(0).integers(1, 30, (12, 2, 2)) + np.eye(2, dtype=int) * 200
NAN = math.nan
BETTER = Comparison(
    difference=Interval(0.02, 0.01, 0.03, 12),
    by_class={"sky": Interval(0.02, 0.0, 0.04, 12), "car": Interval(0.02, -0.01, 0.05, 9)},
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
    difference=Interval(0.02, NAN, NAN, 3),
    by_class={"sky": Interval(0.02, NAN, NAN, 3), "car": Interval(0.02, NAN, NAN, 1)},
    p_value=NAN,
    num_units=3,
)


def shifted(counts: np.ndarray, share: float) -> np.ndarray:
    """Counts in which a share of the wrong pixels of each image has become right."""
    moved = np.floor(counts * (1 - np.eye(2)) * share).astype(int)
    return np.asarray(counts - moved + moved.sum(axis=2)[:, :, None] * np.eye(2, dtype=int))


def rule(against: Comparison | None, anchor: Comparison | None = None, **others: Any) -> Ruling:
    """The ruling under `superior`, or what is told."""
    settings = {"rule": "superior", **LIMITS, **others}
    return judge(against_champion=against, against_anchor=anchor, **settings)


def with_class(against: Comparison, **classes: Interval) -> Comparison:
    """The same with other classes."""
    by_class: Mapping[str, Interval] = {**against.by_class, **classes}
    return replace(against, by_class=by_class)


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
    """No difference, no doubt about it, and no promotion under `superior`; it is not worse either."""
    table = table_of(counts, GROUPS)
    found = compare(table, table, **SETTINGS)
    assert (found.difference.estimate, found.difference.low, found.difference.high, found.p_value) == (0, 0, 0, 1)
    assert not rule(found).promoted
    assert rule(found, found, rule="non_inferior").promoted


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
    """It is no unit of the comparison, and how many there are is told."""
    better, groups = shifted(COUNTS, 0.3), np.array(list(GROUPS), "U9")
    more = [np.insert(counts, places, 0, axis=0) for counts in (better, COUNTS)]
    names = np.insert(groups, places, [f"empty {index}" for index in range(len(places))]).tolist()
    found = compare(table_of(more[0], names), table_of(more[1], names), **SETTINGS)
    plain = compare(table_of(better, GROUPS), table_of(COUNTS, GROUPS), **SETTINGS)
    assert found == replace(plain, num_left_out=len(places))
    told = f"{len(places)} group{'s' * (len(places) > 1)} of the test split without a counted pixel"
    assert any(told in text for text in rule(found).reasons)
    assert not any("without a counted pixel" in text for text in rule(plain).reasons)


def test_few_groups_show_nothing() -> None:
    """With fewer groups than wanted no end is a number, and nothing is promoted."""
    tables = [table_of(counts, "aaabbbcccddd") for counts in (shifted(COUNTS, 0.5), COUNTS)]
    found = compare(tables[0], tables[1], **SETTINGS)
    assert math.isnan(found.difference.low) and math.isnan(found.p_value)
    assert found.num_units == 4
    assert not rule(found).promoted


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


def test_better_is_promoted() -> None:
    """All that was asked for is told, with the figures."""
    ruling = rule(BETTER, BETTER)
    assert ruling.promoted
    assert ruling.reasons[0].startswith("mean IoU 0.8200 against the champion's 0.8000, +2.00 (+1.00 to +3.00) points")
    assert ruling.reasons[1].endswith("0.0100, allowed is 0.05")
    assert "no class that can be judged is worse than the champion's by 5.00 points" in ruling.reasons


def test_no_champion() -> None:
    """The first champion needs the floors alone, and the ruling says so; an anchor still holds."""
    assert rule(None) == Ruling(True, ("there was no champion: the gate's floors alone decide",))
    assert not rule(None, WORSE).promoted


@pytest.mark.parametrize("name", ["superior", "non_inferior"])
@pytest.mark.parametrize(
    ("against", "anchor", "others", "reason"),
    [
        (WORSE, None, {}, "not shown to be"),
        (FEW, None, {}, "the test split has 3 groups, expected at least 5"),
        (BETTER, WORSE, {}, "against the anchor's 0.8300, -1.00 (-2.00 to +0.00) points"),
        (BETTER, FEW, {}, "the difference to the anchor is not shown"),
        (with_class(BETTER, car=Interval(0.0, -0.06, 0.06, 6)), None, {}, "class car is +0.00 (-6.00 to +6.00) points"),
        (BETTER, with_class(BETTER, car=Interval(0.0, -0.06, 0.06, 6)), {}, "from the anchor's, 5.00 fewer are"),
        (replace(BETTER, by_class=FEW.by_class), None, {}, "no class can be judged against the champion"),
        (replace(BETTER, difference=Interval(NAN, 0.1, 0.2, 12)), None, {}, "difference to the champion is not shown"),
        (BETTER, None, {"margin": NAN}, "margin is nan, class margin 0.05; expected numbers from 0"),
        (BETTER, None, {"class_margin": -0.1}, "class margin -0.1; expected numbers from 0"),
    ],
)
def test_refused_under_both_rules(
    name: str, against: Comparison, anchor: Comparison | None, others: dict[str, Any], reason: str
) -> None:
    """A loss, too little to tell, a class that may be worse, or a number that is none: refused, and the reason said."""
    ruling = rule(against, anchor, rule=name, **others)
    assert not ruling.promoted
    assert any(reason in text for text in ruling.reasons), ruling.reasons


@pytest.mark.parametrize(
    ("against", "others", "reason"),
    [
        (TIE, {}, "not shown to be better at 95%; train a better model"),
        (replace(BETTER, difference=Interval(0.02, 0.0, 0.04, 12)), {}, "not shown to be better"),
        (replace(BETTER, p_value=0.06), {}, "with probability 0.0600, allowed is 0.05"),
        (replace(BETTER, p_value=NAN), {}, "with probability nan"),
        (BETTER, {"noise_floor": 0.02}, "2.00 points are the noise floor, what the seed alone can change"),
        (BETTER, {"noise_floor": NAN}, "nan points are the noise floor"),
    ],
)
def test_not_superior(against: Comparison, others: dict[str, Any], reason: str) -> None:
    """A tie, an end at 0, chance, and a difference that another seed would make, do not promote under `superior`."""
    ruling = rule(against, **others)
    assert not ruling.promoted
    assert any(reason in text for text in ruling.reasons), ruling.reasons
    assert rule(against, rule="non_inferior", **others).promoted


def test_noise_floor_is_exceeded() -> None:
    """A difference above the floor is promoted; without a floor the ruling says what is not known."""
    assert rule(BETTER, noise_floor=0.0199).promoted
    assert any("`segline noise` measures it" in text for text in rule(BETTER).reasons)


@pytest.mark.parametrize("name", ["superior", "non_inferior"])
@pytest.mark.parametrize(
    ("floor", "told"), [(0.03, "does not exceed it"), (0.01, "exceeds it"), (NAN, "not exceed it")]
)
def test_noise_floor_as_a_note_decides_nothing(name: str, floor: float, told: str) -> None:
    """What the seed alone can change is a question of the recipe; it is told, and the model is judged by the rest."""
    for against, says in ((BETTER, told), (WORSE, "does not exceed it")):
        ruling = rule(against, rule=name, noise_floor=floor, noise_rule="note")
        assert ruling.promoted == rule(against, rule=name).promoted
        assert any("are the noise floor" in text and says in text for text in ruling.reasons)


def test_rare_classes_are_named_and_do_not_block() -> None:
    """A class in too few groups is told of with what to do, whether the challenger is promoted or refused."""
    rare = {"car": Interval(-0.5, NAN, NAN, 2), "bus": Interval(NAN, NAN, NAN, 0)}
    for against, promoted in ((BETTER, True), (WORSE, False)):
        ruling = rule(with_class(against, **rare))
        assert ruling.promoted == promoted
        told = (
            "not shown against the champion, in fewer than 5 groups of the test split: car (-50.00 points in 2), "
            "bus (in 0); label more groups with them"
        )
        assert any(text.startswith(told) for text in ruling.reasons)


def test_class_that_no_label_has_is_left_out() -> None:
    """Stray pixels of such a class are wrong pixels, no class of IoU 0 that the other has not; it is told."""
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
    ruling = rule(found)
    assert not ruling.promoted and "predicted, but in no label, so left out: tram" in ruling.reasons


def test_too_few_groups_for_the_test_by_exchange() -> None:
    """Where no difference at all could pass, the ruling says so and what to do."""
    ruling = rule(replace(BETTER, confidence=0.995, num_units=7, p_value=0.008))
    assert not ruling.promoted
    assert any("allowed is 0.005; 7 groups never give less than 0.0078, label more" in text for text in ruling.reasons)
    assert any("better, at 99.5%" in text for text in rule(replace(BETTER, confidence=0.995, p_value=0.001)).reasons)


def test_the_anchor_that_is_the_champion_is_told_once() -> None:
    """The same comparison given twice adds no reason; none at all is told of."""
    assert not any("anchor" in text for text in rule(WORSE, WORSE).reasons)
    assert any("it is held against no anchor: small losses can add up" in text for text in rule(BETTER).reasons)
