"""Tests of the sentences: each is pinned once, here."""

import ast
from pathlib import Path
from typing import Any

import pytest

from pipeline.evaluation.reasons import Reason
from pipeline.evaluation.wording import ONE_GROUP
from pipeline.promotion.findings import give_reason
from pipeline.promotion.rules import RULES
from pipeline.promotion.wording import SENTENCES, to_sentences
from tests.layout import ROOT, parse

DIFFERENCE: dict[str, Any] = {
    **{"reference": "champion", "mean_iou": 0.81, "reference_mean_iou": 0.82, "difference": -0.01},
    **{"low": -0.008, "high": 0.01, "confidence": 0.95, "num_units": 12, "unit": "group"},
}
NUMBERS = "mean IoU 0.8100 against 0.8200, -1.00 (-0.80 to +1.00) points on 12 groups"
ADVICE = "train a better model, or label more groups"
TEST: dict[str, Any] = {"p_value": 0.06, "level": 0.05, "num_units": 3, "unit": "group"}
FEW: dict[str, Any] = {"reference": "champion", "num_units": 1, "min_units": 5, "unit": "group"}
LOST: dict[str, Any] = {"class_name": "car", "margin": 0.005, "measured": 0.025, "num_effective": 8.2, **DIFFERENCE}
SCORES: dict[str, Any] = {"model": "m/2", "mean_iou": 0.5, "champion": "m/1", "champion_mean_iou": 0.25}
WORDED: dict[str, tuple[dict[str, Any], str]] = {
    "already_champion": ({"model": "m/2"}, "m/2 is the champion already"),
    "demoted": (
        {"model": "m/2", "number": 2, "line": 3},
        "m/2 was demoted by a rollback, line 3 of the ledger; `segline promote 2`, by its number, compares it again",
    ),
    "superseded": (
        {"model": "m/2", "champion": None, "cause": "the champion was 1 by then"},
        "m/2: it was compared with no champion, but the champion was 1 by then; nothing was moved, run `segline "
        "promote` again",
    ),
    "no_score": ({"model": "m/2"}, "m/2 has no mean IoU on today's test split, where no pixel is counted"),
    "score": ({"model": "m/2", "mean_iou": 0.5}, "m/2 has mean IoU 0.5000 on today's test split"),
    "scores": (SCORES, "m/2 has mean IoU 0.5000 on today's test split, the champion m/1 has 0.2500"),
    "scores_with_anchor": (
        {**SCORES, "anchor": "m/0", "anchor_mean_iou": None},
        "m/2 has mean IoU 0.5000 on today's test split, the champion m/1 has 0.2500, the anchor m/0 has nan",
    ),
    "test_split_changed": ({}, "the test split changed since the champion was chosen, all were scored on today's"),
    "judged_on_other_split": (
        {"model": "m/2", "judged": "aa", "today": "bb"},
        "the gate judged m/2 on the test split aa, today's is bb; run `dvc repro` and `segline register` again",
    ),
    "leakage": (
        {"model": "m/2", "num_images": 3, "same": 2, "grouped": 0, "alike": 1},
        "m/2 was trained or chosen on 3 of today's test images (2 the same file, 1 by their looks), so its score is "
        "optimistic; train it again on today's splits",
    ),
    "reference_leakage": (
        {"model": "m/1", "num_images": 3, "same": 0, "grouped": 3, "alike": None},
        "m/1 was trained or chosen on 3 of today's test images (3 in a group of its training), so its score is "
        "optimistic and hard to beat; set validate.split once, and then leave it",
    ),
    "exposure_unknown": (
        {"model": "m/2", "file": "a.csv"},
        "it is not known whether m/2 was trained or chosen on today's test images, as its run has no a.csv; train and "
        "register it again, or set promote.unknown_exposure to note",
    ),
    "reference_exposure_unknown": (
        {"model": "m/1", "file": "a.csv"},
        "it is not known whether m/1 was trained or chosen on today's test images, as its run has no a.csv; its score "
        "may be optimistic and hard to beat",
    ),
    "looks_not_compared": (
        {"model": "m/1", "file": "a.csv"},
        "m/1: whether its training images look like today's test images is not known: a.csv is missing or not whole, "
        "in its run or here; `dvc repro validate` and a new training write it",
    ),
    "override": ({"model": "m/2", "why": "a hotfix"}, "m/2 is promoted against the rule, because: a hotfix"),
    "override_not_needed": ({}, "the rule promotes it, so no override was needed and none was made"),
    "no_champion": ({}, "there was no champion: the gate's thresholds alone decide"),
    "no_anchor": ({}, "there is no anchor: small losses can add up over many promotions"),
    "superior": (DIFFERENCE, f"superior to the champion at 95%: {NUMBERS}"),
    "superiority_not_demonstrated": (
        DIFFERENCE,
        f"superiority to the champion not demonstrated at 95%: lower bound -0.80 < 0.00 points; {NUMBERS}; {ADVICE} "
        "for test",
    ),
    "non_inferior": (
        {"margin": 0.01, **DIFFERENCE},
        f"non-inferior to the champion at 95%: lower bound -0.80 > -1.00 points; {NUMBERS}",
    ),
    "non_inferiority_not_demonstrated": (
        {"margin": 0.005, **DIFFERENCE},
        "non-inferiority to the champion not demonstrated at 95%: lower bound -0.80 < -0.50 points; "
        f"{NUMBERS}; {ADVICE} for test",
    ),
    "too_few_units": (
        FEW,
        "the difference to the champion cannot be judged: the test split has 1 group with counted pixels, expected at "
        "least 5; label more for test",
    ),
    "exchange_test_passed": ({**TEST, "p_value": 0.01}, "exchange test: p = 0.0100 <= 0.05"),
    "exchange_test_failed": (TEST, "exchange test: p = 0.0600, expected at most 0.05"),
    "exchange_test_lacks_units": (
        {**TEST, "least": 0.125, "needed": 5},
        "exchange test: p = 0.0600, expected at most 0.05; 3 groups never give less than 0.12, label at least 5",
    ),
    "noise_floor_unknown": ({}, "the noise floor is not known; `segline noise` measures it"),
    "noise_floor_of_others": (
        {"differs": "data"},
        "the noise floor was measured on other data than the challenger's; `segline noise` measures it again",
    ),
    "noise_floor_exceeded": ({"noise_floor": 0.02}, "the difference exceeds the noise floor of 2.00 points"),
    "within_noise_floor": (
        {"noise_floor": None},
        "the difference does not exceed the noise floor of nan points, so another seed may not reproduce it",
    ),
    "noise_floor_required": (
        {"noise_floor": 0.02},
        "the difference does not exceed the noise floor of 2.00 points, and promote.noise_floor requires it",
    ),
    "no_class_loss": (
        {"reference": "champion", "margin": 0.05},
        "no class is worse than the champion's by 5.00 points, as shown or as measured",
    ),
    "class_loss": (
        LOST,
        "class car: non-inferiority to the champion not demonstrated: lower bound -0.80 < -0.50 points; -1.00 (-0.80 "
        "to +1.00) points on 12 groups (as good as 8 even ones), where a measured loss of 2.50 points is let "
        f"through; {ADVICE} with it for test",
    ),
    "rare_class_loss": (
        {**LOST, "difference": -0.4, "low": None, "high": None, "num_units": 1, "num_effective": None},
        "class car: -40.00 points against the champion on 1 group, too few for an interval, where a measured loss of "
        f"2.50 points is let through; {ADVICE} with it for test",
    ),
    "class_measured": (
        {**FEW, "class_name": "car", "difference": -0.04},
        "not shown at 99%, but by the measured difference not worse than the champion's: car (-4.00 points in 1); "
        "label more groups with them for test",
    ),
    "no_class_judged": (
        {"reference": "anchor", "unit": "group"},
        f"no class can be judged against the anchor; {ADVICE} for test",
    ),
    "class_not_judged": (
        {"class_name": "car", "reference": "champion", "unit": "group"},
        "not judged against the champion, in no label of the test split: car; label groups with them for test",
    ),
    "no_part_loss": (
        {"reference": "champion", "margin": 0.15},
        "no slice, and not the worst twentieth of the groups, loses 15.00 points to the champion",
    ),
    "group_loss": (
        {"reference": "champion", "difference": -0.2, "margin": 0.15, "groups": "north, south"},
        "the worst twentieth of the groups changes by -20.00 points against the champion, expected more than -15.00: "
        "north, south; look at these groups and train on more of their kind",
    ),
    "slice_loss": (
        {"reference": "champion", "difference": -0.2, "margin": 0.15, "slice": "brightness/dark"},
        "slice brightness/dark changes by -20.00 points against the champion, expected more than -15.00; train on more "
        "images of its kind",
    ),
    "images_of_one_group": ({}, ONE_GROUP["image"]),
    "blocks_of_one_group": ({}, ONE_GROUP["block"]),
    "class_without_labels": (
        {"class_name": "tram", "reference": "champion"},
        "predicted, but in no label, so left out: tram",
    ),
    "units_left_out": (
        {"num_units": 2, "unit": "image"},
        "2 images of the test split without a counted pixel are left out",
    ),
    "attempt": (
        {"number": 3, "allowed": 52, "level": 0.05 / 52, "chance": 0.0028, "optimism": 0.0123, "rule": "superior"},
        "attempt 3 of 52 on this test split, at level 0.00096; the chance that one of so many passes, if all are equal "
        "to the champion, is about 0.28%; the best of so many measures up to 1.23 points too high on average",
    ),
    "attempts_used_up": (
        {"allowed": 52, "renewed": 1.3, "unit": "group"},
        "the attempts on this test split are used up, promote.attempts is 52; each group that is added to the test "
        "split gives 1.3 attempts back; or raise promote.attempts, then more pass by luck",
    ),
    "audited": (
        {"model": "m/2", "mean_iou": 0.8, "low_iou": 0.7, "high_iou": 0.9, "num_units": 9, "unit": "group"}
        | {"num_openings": 2, "confidence": 0.95},
        "m/2 has mean IoU 0.8000 (0.7000 to 0.9000, 95% interval) on the 9 groups of the reserve; this was opening 2, "
        "and each choice by it makes it a test split like any other",
    ),
    "audited_leakage": (
        {"model": "m/2", "num_images": 3, "same": 2, "grouped": 1, "alike": 0},
        "m/2 was trained or chosen on 3 of the reserve's images (2 the same file, 1 in a group of its training), so "
        "this score is optimistic",
    ),
    "audited_exposure_unknown": (
        {"model": "m/2", "file": "a.csv"},
        "it is not known whether m/2 was trained or chosen on the reserve's images, as its run has no a.csv",
    ),
    "detectable": (
        {"detectable": 0.0321, "more_for_1": 300, "more_for_2": 60, "unit": "group"},
        "this test split shows a difference of mean IoU of 3.21 points with 80% power; 1 point takes 300 more groups, "
        "2 points take 60",
    ),
    "detectable_by_blocks": (
        {"detectable": 0.0321, "unit": "group", "is_weighted": True},
        "blocks of these groups show a difference of weighted mean IoU of 3.21 points with 80% power; it says nothing "
        "of others",
    ),
    "nothing_detectable": (
        {"needed": 11, "num_units": 6, "unit": "group"},
        "this test split shows no difference of mean IoU: the exchange test needs 11 groups at this level, it has 6",
    ),
    "heaviest_part": (
        {"part": "brightness/dark", "part_share": 0.614, "number": 300, "unit": "group"},
        "61% of the variance of the difference is of the images in brightness/dark: label 300 more groups, of this "
        "kind first",
    ),
    "first_is_better": ({"confidence": 0.95, "p_value": 0.01}, "the first is better, significant at 95% (p = 0.0100)"),
    "first_is_worse": ({"confidence": 0.9, "p_value": 0.01}, "the first is worse, significant at 90% (p = 0.0100)"),
    "no_significant_difference": ({"confidence": 0.995}, "no significant difference at 99.5%"),
    "replaced": ({"model": "m/1", "replaced": None}, "m/1 in place of none"),
    "champion_kept": ({"model": "m/1"}, "m/1 stays champion"),
    "no_champion_left": ({}, "no champion of the ledger is left"),
    "alias_moved_by_hand": ({"alias_at": "m/2"}, "the alias was at m/2, moved by hand"),
}


@pytest.mark.parametrize("code", SENTENCES)
def test_each_code_has_its_sentence(code: str) -> None:
    """Values and units stand in the sentence as people read them."""
    values, sentence = WORDED[code]
    assert to_sentences([Reason(code, values)]) == (sentence,)


def test_each_code_in_use_has_a_sentence_and_each_sentence_a_use() -> None:
    """The codes are those that the source gives, literally; a rule in a file of its own may leave them to `_list`."""
    own = {Path(rule.__code__.co_filename) for rule in RULES.values()} - {ROOT / "pipeline/promotion/rules.py"}
    folders = ("pipeline/promotion", "pipeline/steps")
    files = {path for folder in folders for path in (ROOT / folder).rglob("*.py")} - own
    texts = {node.value for path in files if path.name != "wording.py" for node in _codes_in(path)}
    assert texts >= SENTENCES.keys()
    given = {node.args[0].value for path in files for node in _calls_in(path) if isinstance(node.args[0], ast.Constant)}
    assert given and given <= SENTENCES.keys()


def _codes_in(path: Path) -> list[ast.Constant]:
    return [node for node in ast.walk(parse(path)) if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def _calls_in(path: Path) -> list[ast.Call]:
    calls = [node for node in ast.walk(parse(path)) if isinstance(node, ast.Call)]
    return [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "give_reason"]


@pytest.mark.parametrize(("chance", "told"), [(0.0028, "0.28%"), (0.05, "5%"), (0.475, "48%"), (1.0, "100%")])
def test_a_chance_is_a_percentage(chance: float, told: str) -> None:
    """With two digits, and never as a power of ten; of a margin it says what it is the chance of."""
    values, _ = WORDED["attempt"]
    (sentence,) = to_sentences([Reason("attempt", {**values, "chance": chance, "rule": "non_inferior"})])
    assert f"if all are worse than the champion by the margin, is about {told};" in sentence


def test_a_small_p_value_is_not_0() -> None:
    """Shared levels ask for such."""
    (sentence,) = to_sentences([Reason("first_is_better", {"confidence": 0.999, "p_value": 0.00004})])
    assert sentence.endswith("(p = 4e-05)")


def test_a_difference_with_costs_is_of_the_weighted_mean_iou() -> None:
    """So that nobody takes it for the mean IoU."""
    (sentence,) = to_sentences([give_reason("superior", **DIFFERENCE, is_weighted=True)])
    assert sentence == f"superior to the champion at 95%: weighted {NUMBERS}"


def test_classes_that_say_the_same_share_a_sentence() -> None:
    """Rare classes are listed against each reference; lost classes have a sentence each."""
    rare = [
        give_reason("class_measured", **{**FEW, "class_name": name, "difference": None, "reference": reference})
        for reference, name in (("champion", "car"), ("champion", "bus"), ("anchor", "car"))
    ]
    sentences = to_sentences([*rare, Reason("class_loss", LOST), Reason("class_loss", LOST)])
    assert len(sentences) == 4
    assert "car (in 1), bus (in 1); label" in sentences[0] and "than the anchor's" in sentences[1]


@pytest.mark.parametrize(
    ("low", "bound"),
    [(-0.0050001, "-0.50001 < -0.50000"), (-0.005, "-0.50 = -0.50"), (-0.0, "-0.00 > -0.50"), (0.004, "+0.40 > -0.50")],
)
def test_a_bound_and_its_limit_can_be_told_apart(low: float, bound: str) -> None:
    """They have as many digits as show which one is smaller."""
    (sentence,) = to_sentences([Reason("non_inferior", {**DIFFERENCE, "margin": 0.005, "low": low})])
    assert f"lower bound {bound} points" in sentence
