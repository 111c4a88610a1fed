"""Tests of the decision: facts in, a decision with its reasons out."""

import math
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from pipeline.errors import EvidenceError, RegistryError, RejectedError
from pipeline.evaluation.bootstrap import Interval
from pipeline.evaluation.image_table import ImageTable
from pipeline.evaluation.reasons import Reason
from pipeline.evaluation.verdict import Verdict
from pipeline.promotion.claims.attempts import Attempts
from pipeline.promotion.claims.detectable import Detectable
from pipeline.promotion.decide import (
    Facts,
    Promotion,
    Scored,
    check_challenger,
    check_newest,
    decide,
    gather_facts,
    override,
    refuse_unseen,
    supersede,
)
from pipeline.promotion.findings import give_reason
from pipeline.promotion.leakage import Exposure
from pipeline.promotion.noise_floor import NoiseFloor
from pipeline.promotion.references import References
from pipeline.promotion.rescore import Rescored
from pipeline.registry.client import Version
from tests.promotion.made_comparisons import BETTER, FEW, LIMITS, NAN, TIE, WORSE, with_class

NOW = datetime(2026, 11, 27, tzinfo=UTC)
TAGS = {"verdict": "accepted", "test_md5": "today", "data_md5": "data", "params_md5": "params"}
ANCHOR, CHAMPION, CHALLENGER = (Version("segline", number, "run", (), TAGS, NOW) for number in (1, 2, 3))
NOISE = NoiseFloor(0.01, "params", "data", (0.1, 0.2))
CLEAN, LEAKY = Exposure(0, 0, 0, 0), Exposure(3, 2, 0, 1)
FACTS = Facts(
    challenger=Scored(CHALLENGER, 0.82, CLEAN),
    champion=Scored(CHAMPION, 0.80, CLEAN, BETTER),
    anchor=Scored(ANCHOR, 0.81, CLEAN, replace(BETTER)),
    test_md5="today",
    champion_test_md5="today",
    noise=None,
)
FIRST = replace(FACTS, champion=None, anchor=None, champion_test_md5=None)
BOOTSTRAP: dict[str, Any] = {"unit": "group", "num_resamples": 200, "seed": 0, "confidence": 0.95, "min_units": 5}


def decide_on(facts: Facts, rule: str = "superior", **limits: Any) -> Promotion:
    """The decision by the usual limits, but for those given."""
    floor = facts.noise.floor if facts.noise else None
    return decide(facts, rule, replace(LIMITS, noise_floor=floor, **limits), {"rule": rule}, refuses_unknown=True)


def codes(decision: Promotion) -> list[str]:
    """The code of each reason."""
    return [reason.code for reason in decision.reasons]


def values(decision: Promotion, code: str) -> dict[str, Any]:
    """The values of the one reason that has the code."""
    (found,) = (reason.values for reason in decision.reasons if reason.code == code)
    return dict(found)


def against(facts: Facts, **comparisons: Any) -> Facts:
    """The same facts with other comparisons of the challenger with champion or anchor."""
    scored = {name: replace(getattr(facts, name), comparison=found) for name, found in comparisons.items()}
    return replace(facts, **scored)


def test_attempts_and_reach_are_noted() -> None:
    """A decision says which attempt it is and what its split can show, in reasons and evidence."""
    attempts, reach = Attempts(7, 52, 0.001, 0.005, 0.02), Detectable(0.03, 100, 20, "brightness/dark", 0.6)
    decision = decide_on(replace(FACTS, attempts=attempts, reach=reach))
    assert decision.promoted and values(decision, "attempt") == {"rule": "superior", **asdict(attempts)}
    assert {"detectable", "heaviest_part"} <= set(codes(decision)) and "attempts_used_up" not in codes(decision)
    assert decision.evidence["attempts"]["number"] == 7 and decision.evidence["detectable"]["more_for_2"] == 20
    assert decide_on(FIRST).evidence["attempts"] is None and decide_on(FIRST).evidence["detectable"] is None


def test_attempts_that_are_used_up() -> None:
    """The attempt after the last refuses, whatever the scores, and says how many a group gives back."""
    for number, promoted in ((12, True), (13, False)):
        decision = decide_on(replace(FACTS, attempts=Attempts(number, 12, 0.004, 0.05, 0.02, number > 12)))
        assert decision.promoted == promoted
    assert values(decision, "attempts_used_up") == {"allowed": 12, "renewed": 1.0, "unit": "group"}


def test_first_champion() -> None:
    """The gate's verdict on today's test split is enough for the first champion."""
    decision = decide_on(FIRST)
    assert decision.promoted and codes(decision) == ["score", "no_champion"]
    assert (decision.challenger, decision.champion, decision.line) == (CHALLENGER, None, 0)
    assert str(decision).startswith("PROMOTED: segline/3 has mean IoU 0.8200 on today's test split; there was no champ")


def test_first_champion_that_was_judged_on_another_split() -> None:
    """The gate alone decides on a first champion, so its verdict has to be of today's test split."""
    decision = decide_on(replace(FIRST, test_md5="new"))
    assert not decision.promoted
    assert values(decision, "judged_on_other_split") == {"model": "segline/3", "judged": "today", "today": "new"}
    bare = Scored(replace(CHALLENGER, tags={}), 0.82, CLEAN)
    assert values(decide_on(replace(FIRST, challenger=bare)), "judged_on_other_split")["judged"] is None


def test_superior() -> None:
    """A better challenger takes the place, with scores, difference and test as reasons."""
    decision = decide_on(FACTS)
    assert decision.promoted and decision.champion == CHAMPION
    assert values(decision, "scores_with_anchor") == {
        **{"model": "segline/3", "mean_iou": 0.82, "champion": "segline/2", "champion_mean_iou": 0.80},
        **{"anchor": "segline/1", "anchor_mean_iou": 0.81},
    }
    assert {"superior", "exchange_test_passed", "non_inferior", "no_class_loss"} <= set(codes(decision))
    assert "scores" in codes(decide_on(replace(FACTS, anchor=FACTS.champion)))
    assert {"scores", "no_anchor"} <= set(codes(decide_on(replace(FACTS, anchor=None))))


@pytest.mark.parametrize(
    ("facts", "rule", "code"),
    [
        (against(FACTS, champion=TIE), "superior", "superiority_not_demonstrated"),
        (against(FACTS, champion=replace(BETTER, p_value=0.06)), "superior", "exchange_test_failed"),
        (against(FACTS, champion=WORSE), "non_inferior", "non_inferiority_not_demonstrated"),
        (against(FACTS, champion=FEW), "superior", "too_few_units"),
        (against(FACTS, champion=FEW), "non_inferior", "too_few_units"),
        (against(FACTS, anchor=WORSE), "superior", "non_inferiority_not_demonstrated"),
        (against(FACTS, anchor=FEW), "non_inferior", "too_few_units"),
        (against(FACTS, champion=with_class(BETTER, car=Interval(0, -0.06, 0.06, 6))), "superior", "class_loss"),
        (against(FACTS, anchor=with_class(BETTER, car=Interval(0, -0.06, 0.06, 6))), "non_inferior", "class_loss"),
        (against(FACTS, champion=replace(BETTER, by_class=FEW.by_class)), "superior", "no_class_judged"),
    ],
)
def test_refused(facts: Facts, rule: str, code: str) -> None:
    """A tie, a loss against champion or anchor, a lost class, and too few units leave the champion."""
    decision = decide_on(facts, rule)
    assert not decision.promoted and code in codes(decision)
    assert str(decision).startswith("NOT PROMOTED: segline/3 has mean IoU 0.8200")


def test_tie_is_enough_for_non_inferiority() -> None:
    """Under `non_inferior` an equal challenger is promoted."""
    decision = decide_on(against(FACTS, champion=TIE), "non_inferior")
    assert decision.promoted and {"non_inferior", "noise_floor_unknown"} <= set(codes(decision))


@pytest.mark.parametrize("facts", [FACTS, FIRST])
def test_no_score(facts: Facts) -> None:
    """A mean IoU of nan promotes nobody, not even if there is no champion."""
    decision = decide_on(replace(facts, challenger=Scored(CHALLENGER, NAN, CLEAN)))
    assert not decision.promoted and codes(decision)[0] == "no_score"
    assert decision.evidence["mean_ious"]["3"] is None


@pytest.mark.parametrize(("rule", "promoted"), [("note", True), ("require", False)])
def test_noise_floor_is_noted_or_required(rule: str, promoted: bool) -> None:
    """A difference within the noise floor is noted, or refuses."""
    assert decide_on(replace(FACTS, noise=NOISE), noise_rule=rule).promoted
    decision = decide_on(replace(FACTS, noise=replace(NOISE, floor=0.05)), noise_rule=rule)
    assert decision.promoted == promoted
    assert values(decision, "within_noise_floor" if promoted else "noise_floor_required") == {"noise_floor": 0.05}
    assert decision.evidence["noise_floor"]["data_md5"] == "data"


@pytest.mark.parametrize(
    ("noise", "differs"),
    [(NOISE, None), (replace(NOISE, data_md5="d", params_md5="p"), "data"), (replace(NOISE, params_md5="p"), "params")],
)
def test_noise_floor_of_another_recipe_is_noted(noise: NoiseFloor, differs: str | None) -> None:
    """A noise floor of other data or params still counts, with a note."""
    decision = decide_on(replace(FACTS, noise=noise))
    noted = [reason.values["differs"] for reason in decision.reasons if reason.code == "noise_floor_of_others"]
    assert decision.promoted and noted == ([differs] if differs else [])


def test_noise_floor_of_a_version_without_lineage() -> None:
    """A version that another program registered has no md5 to compare with, which is a note."""
    bare = Scored(replace(CHALLENGER, tags={"verdict": "accepted"}), 0.82, CLEAN)
    assert values(decide_on(replace(FACTS, challenger=bare, noise=NOISE)), "noise_floor_of_others")["differs"] == "data"
    assert "noise_floor_of_others" not in codes(decide_on(replace(FIRST, challenger=bare, noise=NOISE)))


def test_leakage() -> None:
    """A challenger that was trained on test images is refused; of champion and anchor it is a note."""
    decision = decide_on(replace(FACTS, challenger=Scored(CHALLENGER, 0.82, LEAKY)))
    assert not decision.promoted and values(decision, "leakage") == {"model": "segline/3", **LEAKY._asdict()}
    decision = decide_on(replace(FACTS, anchor=Scored(ANCHOR, 0.81, LEAKY, BETTER)))
    assert decision.promoted and values(decision, "reference_leakage")["num_images"] == 3
    assert decision.evidence["seen"] == {"1": LEAKY._asdict(), "2": CLEAN._asdict(), "3": CLEAN._asdict()}
    blind = decide_on(replace(FACTS, challenger=Scored(CHALLENGER, 0.82, CLEAN._replace(alike=None))))
    assert blind.promoted and values(blind, "looks_not_compared")["model"] == "segline/3"


@pytest.mark.parametrize("facts", [FACTS, FIRST])
def test_unknown_exposure(facts: Facts) -> None:
    """It refuses a challenger, also a first champion, unless params allow it; of champion and anchor it is a note."""
    unknown = replace(facts, challenger=Scored(CHALLENGER, 0.82, None))
    decision = decide_on(unknown)
    assert not decision.promoted and values(decision, "exposure_unknown")["file"] == "validate/manifest.csv"
    decision = decide(unknown, "superior", LIMITS, {}, refuses_unknown=False)
    assert decision.promoted and "exposure_unknown" in codes(decision) and decision.evidence["seen"]["3"] is None
    decision = decide_on(replace(FACTS, champion=replace(FACTS.references[0], exposure=None)))
    assert decision.promoted and values(decision, "reference_exposure_unknown")["model"] == "segline/2"


def test_override() -> None:
    """A refused challenger is promoted for a person's reason, leakage or not; what the rule promotes needs none."""
    refused = decide_on(replace(against(FACTS, champion=WORSE), challenger=Scored(CHALLENGER, 0.82, LEAKY)))
    decision = override(refused, "a hotfix")
    assert decision.promoted and decision.override == decision.evidence["override"] == "a hotfix"
    assert decision.reasons == (give_reason("override", model="segline/3", why="a hotfix"), *refused.reasons)
    assert str(decision).startswith("PROMOTED BY OVERRIDE: segline/3 is promoted against the rule, because: a hotfix; ")
    late = supersede(decision, "too late")
    assert not (late.promoted or late.override) and str(late).startswith("NOT PROMOTED: ")
    plain = override(decide_on(FACTS), "a hotfix")
    assert plain.promoted and not plain.override and codes(plain)[-1] == "override_not_needed"


@pytest.mark.parametrize(("chosen", "changed"), [("today", False), ("old", True), (None, None)])
def test_test_split_that_changed(chosen: str | None, changed: bool | None) -> None:
    """All are scored on today's test split; a change since the champion was chosen is a note."""
    decision = decide_on(replace(FACTS, champion_test_md5=chosen))
    assert decision.promoted and ("test_split_changed" in codes(decision)) == bool(changed)
    assert decision.evidence["test_split_changed"] is changed
    assert decide_on(FIRST).evidence["test_split_changed"] is None


def test_evidence() -> None:
    """Scores, comparisons, rule, test splits and references are recorded, each version once."""
    evidence = decide_on(replace(FACTS, anchor=FACTS.champion)).evidence
    assert evidence["mean_ious"] == {"2": 0.80, "3": 0.82} and evidence["comparisons"] == {"2": BETTER.to_dict()}
    assert (evidence["champion"], evidence["anchor"], evidence["rule"]) == (2, 2, {"rule": "superior"})
    assert (evidence["test_md5"], evidence["champion_test_md5"]) == ("today", "today")
    assert decide_on(FIRST).evidence["comparisons"] == {} and decide_on(FIRST).evidence["champion"] is None


def table_of(correct: int, wrong: int) -> ImageTable:
    """Six images, each a group of its own, with the same counts of two classes."""
    matrix = np.array([[correct, wrong], [wrong, correct]])
    names, ones = tuple("abcdef"), np.ones(6, np.int64)
    return ImageTable(("sky", "car"), names, names, ones, ones, np.zeros(6), np.stack([matrix] * 6))


def test_facts_from_tables() -> None:
    """Each reference is compared once; the mean IoU of a model is the same in scores and comparison."""
    tables = {"segline/3": table_of(9, 1), "segline/2": table_of(8, 2)}
    references, exposures = References(CHAMPION, CHAMPION, "old"), {"segline/3": CLEAN, "segline/2": None}
    facts = gather_facts(CHALLENGER, references, Rescored(tables, "today"), exposures, NOISE, BOOTSTRAP)
    assert facts.champion is facts.anchor is facts.references[0] and len(facts.references) == 1
    assert facts.champion and facts.champion.comparison
    assert facts.champion.comparison.difference.low > 0 and facts.challenger.comparison is None
    assert facts.champion.comparison.champion_mean_iou == facts.champion.mean_iou < facts.challenger.mean_iou
    assert facts.reach and facts.reach.difference == facts.reach.more_for_1 == 0  # the six images are alike
    assert (facts.test_md5, facts.champion_test_md5, facts.champion.exposure) == ("today", "old", None)
    alone = gather_facts(CHALLENGER, References(None, None, None), Rescored(tables, "today"), exposures, None, {})
    assert alone.references == []


def test_facts_without_a_counted_pixel() -> None:
    """Tables of nothing give scores of nan, and no promotion."""
    tables = {"segline/3": table_of(0, 0), "segline/2": table_of(0, 0)}
    references, exposures = References(CHAMPION, None, None), dict.fromkeys(tables, CLEAN)
    facts = gather_facts(CHALLENGER, references, Rescored(tables, "today"), exposures, None, BOOTSTRAP)
    assert math.isnan(facts.challenger.mean_iou) and not decide_on(facts).promoted


@pytest.mark.parametrize(
    ("version", "error", "message"),
    [
        (replace(CHALLENGER, name="other"), RegistryError, "other/3: is not a version of segline; .* to other"),
        (replace(CHALLENGER, tags={"verdict": "rejected"}), EvidenceError, "segline/3: has no accepted verdict"),
        (replace(CHALLENGER, tags={}), EvidenceError, "segline/3: has no accepted verdict"),
    ],
)
def test_version_that_cannot_be_champion(version: Version, error: type[Exception], message: str) -> None:
    """Only accepted versions of our model can be promoted."""
    check_challenger(CHALLENGER, "segline")
    with pytest.raises(error, match=message):
        check_challenger(version, "segline")


def test_newest_model_was_rejected() -> None:
    """A challenger that is older than a rejection is not judged by itself; the message says how it is, by number."""
    rejected, later = (
        Verdict(False, (Reason("evidence", {"problem": "mean IoU 0.5"}),), None, 0.5, None),
        NOW + timedelta(seconds=1),
    )
    check_newest(CHALLENGER, rejected, NOW)
    check_newest(CHALLENGER, replace(rejected, accepted=True), later)
    for challenger, message in (
        (CHALLENGER, "mean IoU 0.5; it was not registered.*; the challenger segline/3 is older, `segline promote 3`"),
        (replace(CHALLENGER, created=None), "the challenger segline/3 is older"),
        (None, "shows where this one fails$"),
    ):
        with pytest.raises(RejectedError, match=message):
            check_newest(challenger, rejected, later)


def test_refused_before_scoring() -> None:
    """The champion itself and a demoted version are refused unseen; a demoted one that is named is compared."""
    for champion, demoted, is_named, code in (
        (CHALLENGER, {}, True, "already_champion"),
        (CHALLENGER, {3: 4}, False, "already_champion"),
        (CHAMPION, {3: 4}, False, "demoted"),
    ):
        decision = refuse_unseen(CHALLENGER, champion, demoted, is_named)
        assert decision and not decision.promoted and codes(decision) == [code] and decision.evidence == {}
    decision = refuse_unseen(CHALLENGER, None, {3: 4}, is_named=False)
    assert decision and values(decision, "demoted") == {"model": "segline/3", "number": 3, "line": 4}
    assert refuse_unseen(CHALLENGER, CHAMPION, {3: 4}, is_named=True) is None
    assert refuse_unseen(CHALLENGER, CHAMPION, {2: 4}, is_named=False) is None


def test_decision_that_came_too_late() -> None:
    """If the champion was moved meanwhile the decision is no promotion, and the first reason says so."""
    late = supersede(decide_on(FACTS), "the champion was 7 by then")
    assert not late.promoted and codes(late)[1:] == codes(decide_on(FACTS))
    expected = {"model": "segline/3", "champion": "segline/2", "cause": "the champion was 7 by then"}
    assert values(late, "superseded") == expected
    assert values(supersede(decide_on(FIRST), ""), "superseded")["champion"] is None
