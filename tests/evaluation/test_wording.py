"""Tests of the sentences of the gate's reasons: each wording once."""

import math

import pytest

from pipeline.evaluation.bootstrap import Interval
from pipeline.evaluation.reasons import Reason, Value
from pipeline.evaluation.wording import ONE_GROUP, SENTENCES, few_units, label, left_out, strays, words

LOW: dict[str, Value] = {"high": 0.85, "confidence": 0.95, "num_units": 6, "min_units": 5, "unit": "group"}
WORDED: dict[str, tuple[dict[str, Value], str]] = {
    "reaches_floor": (
        {"name": "mean_iou", "value": 0.8, "threshold": 0.7, "baseline": 0.3, "baseline_class": "road"},
        "mean IoU 0.8 reaches the floor 0.7 (majority-class baseline, always road: 0.3000)",
    ),
    "below_floor": (
        {"name": "iou/car", "value": 0.75, "threshold": 0.76, **LOW},
        "lower end of IoU of car 0.75 is below the floor 0.76 (95% interval to 0.85, 6 groups; few groups, so it is "
        "rather too narrow)",
    ),
    "within_ceiling": (
        {"name": "calibration_error", "value": 0.05, "threshold": 0.1},
        "calibration error 0.05 is within the ceiling 0.1",
    ),
    "above_ceiling": (
        {"name": "calibration_error", "value": 0.832344, "threshold": 0.832336},
        "calibration error 0.832344 is above the ceiling 0.832336",
    ),
    "no_score": (
        {"name": "iou/car", "threshold": 0.5},
        "IoU of car has no score, so the threshold 0.5 is not demonstrated; label test images with it",
    ),
    "no_interval": (
        {"name": "iou/car", "threshold": 0.5, "num_units": 3, "min_units": 5, "unit": "group"},
        "IoU of car has no interval: it rests on 3 groups, an interval takes 5, so the floor 0.5 of its lower end "
        "is not demonstrated; label more groups with it for the test split",
    ),
    "group_is_one_unit": (
        {"name": "mean_iou/group/night"},
        "mean IoU of group/night has no interval: a group is one unit by itself; set evaluate.bootstrap.unit to "
        "image if images are independent, or use gate.floors",
    ),
    "unknown_name": (
        {"param": "floors", "name": "iou/cat", "known": "iou/car, mean_iou"},
        "gate.floors names 'iou/cat', which is not a score; known are iou/car, mean_iou; correct params.yaml",
    ),
    "no_threshold": ({}, "no threshold is set; the evidence is whole and fresh"),
    "stale": (
        {"part": "test_md5", "current": "new", "scored": "old"},
        "stale: the test split is new, scored was old; run `dvc repro` again",
    ),
    "evidence": ({"problem": "work/{x}: not found"}, "work/{x}: not found"),
    "no_pixels": (
        {"num_images": 0, "num_pixels": 0},
        "scored were 0 images with 0 pixels; the test split needs labelled images, add groups or raise "
        "validate.split.test",
    ),
    "not_a_share": (
        {"name": "mean_iou", "value": "nan"},
        "mean IoU is nan, expected a share in [0, 1]; label test images, evaluate again",
    ),
    "nothing_demonstrated": (
        {"num_units": 1, "min_units": 5, "unit": "group"},
        "no interval: the test split has 1 group, an interval takes 5 groups; label more groups for the test split",
    ),
    "classes_too_rare": (
        {"listed": "car (in 1 group)", "min_units": 5, "unit": "group"},
        "too rare to judge: car (in 1 group); an interval takes 5 groups whose labels have the class: label more with "
        "it for the test split",
    ),
    "slices_too_small": (
        {"listed": "brightness/dark (in 1 group)", "min_units": 5, "unit": "group"},
        "too few to judge: brightness/dark (in 1 group); an interval takes 5 groups: label more of that kind for "
        "the test split",
    ),
    "strays": ({"listed": "bus (1 pixel)"}, "predicted but in no label, so left out of the mean IoU: bus (1 pixel)"),
    "left_out": (
        {"num_units": 2, "unit": "image"},
        "2 images of the test split without a counted pixel are left out",
    ),
    "of_one_group": ({"unit": "image"}, ONE_GROUP["image"]),
}


@pytest.mark.parametrize("code", SENTENCES)
def test_each_reason_has_its_sentence(code: str) -> None:
    """Every code, with values of its own."""
    values, sentence = WORDED[code]
    assert words(Reason(code, values)) == sentence


def test_an_interval_without_a_score_says_so() -> None:
    """Units enough, but no number."""
    values: dict[str, Value] = {"name": "mean_iou", "threshold": 0.5, "num_units": 6, "min_units": 5, "unit": "image"}
    assert "mean IoU has no interval: it has no score or no finite ends, so" in words(Reason("no_interval", values))


@pytest.mark.parametrize(
    ("name", "readable"),
    [
        ("mean_iou", "mean IoU"),
        ("frequency_weighted_iou", "frequency weighted IoU"),
        ("boundary_f1/a/b", "boundary F1 of a/b"),
        ("mean_iou/brightness/dark", "mean IoU of brightness/dark"),
        ("iou/\x1b[31m", "IoU of \\x1b[31m"),
    ],
)
def test_a_name_is_readable(name: str, readable: str) -> None:
    """The name of a score in words; a class may have any name."""
    assert label(name) == readable


@pytest.mark.parametrize(("num_units", "low", "few"), [(19, 0.1, True), (20, 0.1, False), (5, math.nan, False)])
def test_an_interval_on_few_units_says_so(num_units: int, low: float, few: bool) -> None:
    """Below twenty units it is too narrow; one that is not shown needs no caveat."""
    caveat = few_units(Interval(0.5, low, 0.9, num_units), "group")
    assert caveat == ("; few groups, so it is rather too narrow" if few else "")


def test_a_caveat_speaks_of_effective_units() -> None:
    """Thirty groups of which few are large are as good as eight."""
    caveat = few_units(Interval(0.5, 0.1, 0.9, 30, 8.2), "group")
    assert caveat == "; few groups (as good as 8 even ones), so it is rather too narrow"
    assert few_units(Interval(0.5, 0.1, 0.9, 30, 20.1), "group") == ""


def test_nothing_to_say_is_empty() -> None:
    """Without strays and left out units there is no caveat."""
    assert strays({}) is None and left_out(0, "group") == ""
    assert strays({"tram": 3, "bus": 1}) == Reason("strays", {"listed": "bus (1 pixel), tram (3 pixels)"})


def test_a_number_that_is_not_one_is_worded_all_the_same() -> None:
    """A damaged verdict may hold nan."""
    values: dict[str, Value] = {"name": "mean_iou", "value": math.nan, "threshold": math.nan}
    assert words(Reason("below_floor", values)) == "mean IoU nan is below the floor nan"
