"""Tests of the rules of promotion, and of the limits of classes and anchor that hold under each."""

import math
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pipeline.evaluation.bootstrap import Interval, Unit
from pipeline.evaluation.slices import WorstGroups
from pipeline.params import parse_params
from pipeline.promotion.comparison import CLASS_CONFIDENCE, Comparison
from pipeline.promotion.findings import Finding, Limits, give_reason
from pipeline.promotion.rules import RULES, Ruling, judge, measured_margin
from pipeline.promotion.wording import to_sentences
from tests.promotion.made_comparisons import BETTER, FEW, LIMITS, NAN, TIE, WORSE, with_class
from tests.test_params import content_with

LOST = Interval(-0.05, -0.11, 0.01, 6, 5.0)


def ruling_of(
    against: Comparison | None, anchor: Comparison | None = None, rule: str = "superior", **limits: Any
) -> Ruling:
    """The ruling by the usual limits, but for those given."""
    return judge(rule, replace(LIMITS, **limits), against, anchor)


def codes(ruling: Ruling) -> list[str]:
    """The code of each reason."""
    return [reason.code for reason in ruling.reasons]


def values(ruling: Ruling, code: str) -> list[dict[str, Any]]:
    """The values of each reason that has the code."""
    return [dict(reason.values) for reason in ruling.reasons if reason.code == code]


def test_better_is_promoted() -> None:
    """A promotion has each finding as a reason, with its numbers."""
    ruling = ruling_of(BETTER, BETTER)
    assert ruling.promoted
    assert codes(ruling) == [
        *("superior", "exchange_test_passed", "noise_floor_unknown", "no_class_loss", "no_part_loss")
    ]
    assert values(ruling, "superior") == [
        {
            "reference": "champion",
            "mean_iou": 0.82,
            "reference_mean_iou": 0.80,
            **{"difference": 0.02, "low": 0.01, "high": 0.03, "confidence": 0.95},
            **{"num_units": 12, "num_effective": 9.6, "unit": "group"},
        }
    ]
    assert values(ruling, "no_class_loss") == [{"reference": "champion", "margin": 0.05}]


def test_no_champion() -> None:
    """The gate's thresholds alone decide on the first champion; an anchor still has to be held."""
    assert ruling_of(None) == Ruling(True, (give_reason("no_champion"),))
    assert not ruling_of(None, WORSE).promoted


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("against", "anchor", "code", "expected"),
    [
        (FEW, None, "too_few_units", {"reference": "champion", "num_units": 3, "min_units": 5}),
        (replace(BETTER, difference=Interval(NAN, 0.1, 0.2, 12)), None, "too_few_units", {"num_units": 12}),
        (BETTER, FEW, "too_few_units", {"reference": "anchor"}),
        (BETTER, WORSE, "non_inferiority_not_demonstrated", {"reference": "anchor", "low": -0.02, "margin": 0.005}),
        (with_class(BETTER, car=LOST), None, "class_loss", {"class_name": "car", "low": -0.11, "margin": 0.05}),
        (BETTER, with_class(BETTER, car=LOST), "class_loss", {"reference": "anchor", "num_units": 6}),
        (replace(BETTER, by_class=FEW.by_class), None, "no_class_judged", {"reference": "champion"}),
        (BETTER, replace(BETTER, by_class=FEW.by_class), "no_class_judged", {"reference": "anchor"}),
    ],
)
def test_refused_under_each_rule(
    rule: str, against: Comparison, anchor: Comparison | None, code: str, expected: dict[str, Any]
) -> None:
    """Too few units, a loss against the anchor, and a class that may be worse speak against a challenger."""
    ruling = ruling_of(against, anchor, rule)
    assert not ruling.promoted
    assert any(expected.items() <= one.items() for one in values(ruling, code)), ruling.reasons


@pytest.mark.parametrize(
    ("against", "code"),
    [
        (TIE, "superiority_not_demonstrated"),
        (replace(BETTER, difference=Interval(0.02, 0.0, 0.04, 12)), "superiority_not_demonstrated"),
        (replace(BETTER, p_value=0.06), "exchange_test_failed"),
        (replace(BETTER, p_value=NAN), "exchange_test_failed"),
    ],
)
def test_not_superior(against: Comparison, code: str) -> None:
    """A tie, an end at 0 and chance refuse under `superior`; all of them are non-inferior."""
    ruling = ruling_of(against)
    assert not ruling.promoted and code in codes(ruling)
    assert ruling_of(against, rule="non_inferior").promoted


def test_not_non_inferior() -> None:
    """A lower end at or below the margin refuses, one above it does not."""
    ruling = ruling_of(WORSE, rule="non_inferior")
    (found,) = values(ruling, "non_inferiority_not_demonstrated")
    assert not ruling.promoted and (found["low"], found["margin"]) == (-0.02, 0.005)
    at_the_margin = replace(TIE, difference=Interval(0.0, -0.005, 0.005, 12))
    assert not ruling_of(at_the_margin, rule="non_inferior").promoted
    assert "non_inferior" in codes(ruling_of(at_the_margin, rule="non_inferior", margin=0.00501))


def test_too_few_units_for_the_exchange_test() -> None:
    """If no difference at all could pass the test, the reason has the least p-value of so many units."""
    ruling = ruling_of(replace(BETTER, confidence=0.995, num_units=7, p_value=0.008))
    (found,) = values(ruling, "exchange_test_lacks_units")
    assert not ruling.promoted and found["least"] == 0.5**7 > found["level"]


@pytest.mark.parametrize(("floor", "is_above"), [(0.0199, True), (0.02, False), (NAN, False)])
def test_noise_floor_that_is_required(floor: float, is_above: bool) -> None:
    """Under `superior` the difference has to exceed the noise floor if that is required; `non_inferior` notes it."""
    ruling = ruling_of(BETTER, noise_floor=floor)
    assert ruling.promoted == is_above
    assert ("noise_floor_exceeded" if is_above else "noise_floor_required") in codes(ruling)
    assert ruling_of(BETTER, rule="non_inferior", noise_floor=floor).promoted


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("floor", "code"), [(0.03, "within_noise_floor"), (0.01, "noise_floor_exceeded"), (NAN, "within_noise_floor")]
)
def test_noise_floor_as_a_note_decides_nothing(rule: str, floor: float, code: str) -> None:
    """The noise floor is a property of the recipe: it is noted, and the model is judged by the rest."""
    for against, expected in ((BETTER, code), (WORSE, "within_noise_floor")):
        ruling = ruling_of(against, rule=rule, noise_floor=floor, noise_rule="note")
        assert ruling.promoted == ruling_of(against, rule=rule).promoted
        assert expected in codes(ruling)


@pytest.mark.parametrize(("change", "is_lost"), [(-0.3, True), (-0.05, True), (-0.0499, False), (0.0, False)])
def test_a_class_in_few_groups_is_judged_by_what_is_measured(change: float, is_lost: bool) -> None:
    """Without an interval it may fall by the margin of rare classes; a class that passes so is noted."""
    ruling = ruling_of(with_class(BETTER, car=Interval(change, NAN, NAN, 2, 1.5)))
    assert ruling.promoted != is_lost
    (found,) = values(ruling, "rare_class_loss" if is_lost else "class_measured")
    assert to_sentences(ruling.reasons)
    assert (found["class_name"], found["difference"], found["num_units"]) == ("car", change, 2)


@given(st.floats(0.01, 0.5), st.floats(0, 0.1), st.floats(1, 100), st.floats(0.1, 20))
def test_one_more_group_never_makes_promotion_harder(spread: float, gain: float, units: float, more: float) -> None:
    """The chance that a class passes which is truly no worse does not fall with the number of groups that have it."""

    def chance(number: float) -> float:
        """Of a normal difference with the standard error of so many groups, as the rule sees it."""
        error = spread / math.sqrt(number)
        car = Interval(0.0, NAN, NAN, int(number), number)
        least = -measured_margin(with_class(BETTER, car=car), "car", 0.05)
        if number >= BETTER.min_units:
            least = min(least, error * stats.t.ppf(CLASS_CONFIDENCE, number - 1) - 0.05)
        return float(stats.norm.sf((least - gain) / error))

    assert chance(units + more) >= chance(units) - 1e-9


def test_a_wide_interval_does_not_refuse_what_is_measured_as_equal() -> None:
    """A class in five groups is not harder to keep than one in four."""
    for car in (Interval(-0.04, NAN, NAN, 4, 4.0), Interval(-0.04, -0.2, 0.12, 5, 5.0)):
        assert ruling_of(with_class(BETTER, car=car)).promoted
    many = Interval(-0.04, -0.06, -0.02, 20, 20.0)
    assert not ruling_of(with_class(BETTER, car=many)).promoted


@pytest.mark.parametrize("reference", ["champion", "anchor"])
def test_losses_in_few_groups_or_in_a_slice_refuse(reference: str) -> None:
    """The mean hides them."""
    in_groups = replace(BETTER, worst_groups=WorstGroups(-0.15, ("north", "south")))
    in_slice = replace(BETTER, by_slice={"brightness/dark": -0.2, "size/small": NAN})
    for harmful, code in ((in_groups, "group_loss"), (in_slice, "slice_loss")):
        ruling = ruling_of(*((harmful, None) if reference == "champion" else (BETTER, harmful)))
        assert not ruling.promoted and {one["reference"] for one in values(ruling, code)} == {reference}
    assert values(ruling_of(in_groups), "group_loss")[0]["groups"] == "north, south"
    assert [one["slice"] for one in values(ruling_of(in_slice), "slice_loss")] == ["brightness/dark", "size/small"]


def test_classes_without_labels_and_units_left_out_are_noted() -> None:
    """Both are noted and decide nothing."""
    nowhere = Interval(NAN, NAN, NAN, 0)
    ruling = ruling_of(with_class(replace(BETTER, unlabelled=("tram",), num_left_out=2), tram=nowhere, bus=nowhere))
    assert ruling.promoted and values(ruling, "units_left_out") == [{"num_units": 2, "unit": "group"}]
    assert [one["class_name"] for one in values(ruling, "class_without_labels")] == ["tram"]
    assert [one["class_name"] for one in values(ruling, "class_not_judged")] == ["bus"]


@pytest.mark.parametrize(("unit", "code"), [("image", "images_of_one_group"), ("block", "blocks_of_one_group")])
def test_units_of_one_group_are_noted(unit: Unit, code: str) -> None:
    """The level is not kept then, which decides nothing."""
    ruling = ruling_of(replace(BETTER, unit=unit, within_groups=True))
    assert ruling.promoted and code in codes(ruling)


def test_an_anchor_that_is_the_champion_is_judged_once() -> None:
    """The same comparison given twice adds no reason; a missing anchor is noted."""
    assert all(reason.values.get("reference") != "anchor" for reason in ruling_of(WORSE, WORSE).reasons)
    assert "no_anchor" not in codes(ruling_of(WORSE, WORSE)) and "no_anchor" in codes(ruling_of(BETTER))


def test_a_rule_is_a_function_and_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule of another file is accepted by the params, decides, and has its own codes worded."""

    def never(against: Comparison, limits: Limits) -> Iterator[Finding]:
        yield Finding(False, give_reason("never_enough", difference=against.difference.estimate))

    monkeypatch.setitem(RULES, "never", never)
    ruling = ruling_of(BETTER, rule=parse_params(content_with(promote__rule="never")).promote.rule)
    assert not ruling.promoted
    assert to_sentences(ruling.reasons)[0] == "never enough: difference +2.00"


def test_reading_the_names_of_rules_imports_nothing_heavy() -> None:
    """The params read `RULES`, so neither MLflow nor TensorFlow nor the statistics come with it."""
    code = (
        "import sys, pipeline.params; print({'mlflow', 'tensorflow', 'keras', 'numpy', 'scipy'} & sys.modules.keys())"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_values_of_reasons_are_json() -> None:
    """nan is no JSON, so a reason has None for it."""
    for ruling in (ruling_of(FEW, WORSE), ruling_of(replace(BETTER, p_value=NAN), noise_floor=NAN)):
        for reason in ruling.reasons:
            assert not any(isinstance(value, float) and math.isnan(value) for value in reason.values.values())
