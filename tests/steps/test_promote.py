"""Tests of promotion: real models, scored on the test split that is there today."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.dataset.contract import ClassList, write_contract
from pipeline.dataset.manifest import read_manifest
from pipeline.errors import EvidenceError, RegistryError, RejectedError
from pipeline.evaluation.image_table import ImageTable
from pipeline.evaluation.scores import md5_of_test_split
from pipeline.evaluation.verdict import VERDICT, Verdict
from pipeline.ledger.aliases import read_standing, record
from pipeline.ledger.ledger import new_line, read_ledger
from pipeline.params import read_params
from pipeline.promotion.noise_floor import NoiseFloor
from pipeline.promotion.rescore import Rescored
from pipeline.promotion.rivals import Contest
from pipeline.registry.client import find_alias, find_version, list_versions, set_alias
from pipeline.runtime.program import run
from pipeline.steps import promote as step
from pipeline.steps.promote import carry_out, decide, promote
from pipeline.steps.rollback import rollback
from tests.contest import FREE, ROAD, SKY, number_by_alias, register, write_contest, write_split
from tests.finished_project import CLASSES

pytestmark = pytest.mark.e2e


@pytest.fixture
def contest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes the project, with values of the section `promote`."""
    return lambda **promote: write_contest(tmp_path, monkeypatch, **{**FREE, **promote})


def test_first_champion_needs_the_floors_alone(
    contest: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """The first accepted version becomes champion, and says that no rival was there."""
    contest()
    register(SKY)
    decision = promote()
    step.tell(decision)
    assert decision.promoted and decision.champion is None
    told = capsys.readouterr().out
    assert "PROMOTED: segline/1 has mean IoU 0.1250 on today's test split; there was no champion" in told
    assert "the gate's floors alone decide" in told
    assert number_by_alias() == {"challenger": 1, "champion": 1}
    tags = list_versions()[0].tags
    assert tags["rescored_mean_iou"] == "0.125000" and tags["decision"] == str(decision) and tags["rescored_test_md5"]
    (line,) = read_ledger()
    assert (line.kind, line.version, line.expected_champion, line.who) == ("promote", 1, None, "tester")


def test_better_challenger_takes_the_place(contest: Callable[..., None]) -> None:
    """Who is shown to be better becomes champion, the former one previous; asked again nothing but a line happens."""
    contest()
    register(SKY)
    promote()
    register(ROAD)
    decision = promote()
    assert decision.promoted
    assert decision.reasons[0] == (
        "segline/2 has mean IoU 0.3750 on today's test split, the champion segline/1 has 0.1250"
    )
    assert number_by_alias() == {"challenger": 2, "champion": 2, "previous": 1}
    assert str(promote()) == "NOT PROMOTED: segline/2 is the champion already"
    assert [line.kind for line in read_ledger()] == ["promote", "promote", "refuse"]


@pytest.mark.parametrize("challenger", [SKY, ROAD])
def test_champion_that_is_not_beaten_stays(contest: Callable[..., None], challenger: int) -> None:
    """A worse challenger and an equal one are not promoted; that is a result, kept in the ledger, and no error."""
    contest()
    register(ROAD)
    promote()
    register(challenger)
    decision = promote()
    assert not decision.promoted and "not shown to be better" in str(decision)
    assert number_by_alias() == {"challenger": 2, "champion": 1}
    assert list_versions()[1].tags["decision"].startswith("NOT PROMOTED: segline/2 has mean IoU ")
    line = read_ledger()[1]
    assert (line.kind, line.version, line.expected_champion, line.reasons) == ("refuse", 2, 1, decision.reasons)


def test_equal_challenger_may_be_promoted_where_the_rule_says_so(contest: Callable[..., None]) -> None:
    """Under non-inferiority a tie is good enough."""
    contest(rule="non_inferior", anchor="best", class_margin=0.05)
    register(ROAD)
    promote()
    register(ROAD)
    assert promote().promoted and number_by_alias()["champion"] == 2


def test_class_that_is_lost_is_no_progress(contest: Callable[..., None]) -> None:
    """A better mean does not make up for a class that the champion knew and the challenger does not."""
    contest(class_margin=0.05)
    register(SKY)
    promote()
    register(ROAD)
    decision = promote()
    assert not decision.promoted and "class sky" in str(decision)


def test_line_holds_the_evidence(contest: Callable[..., None]) -> None:
    """Scores, interval, rule, margins, units, test splits and anchor can be read from the ledger years later."""
    contest(anchor="best")
    register(SKY)
    promote()
    register(ROAD)
    promote()
    evidence = read_ledger()[1].evidence
    assert evidence["mean_ious"] == {"1": 0.125, "2": 0.375}
    against = evidence["comparisons"]["1"]
    assert (against["estimate"], against["low"], against["num_units"], against["unit"]) == (0.25, 0.25, 6, "group")
    assert set(against["by_class"]) == {"sky", "road"} and 0 < against["p_value"] < 0.05
    assert evidence["rule"] == read_params().promote.model_dump(mode="json")
    assert (evidence["champion"], evidence["anchor"], evidence["noise_floor"]) == (1, 1, None)
    assert evidence["test_md5"] == evidence["champion_test_md5"] and evidence["test_split_changed"] is False


def test_test_split_that_changed(contest: Callable[..., None], tmp_path: Path) -> None:
    """Where the test split is another one by now, all are scored on it, and the line says so."""
    contest()
    register(SKY)
    promote()
    write_split(tmp_path / "data", [4] * 6)
    register(ROAD)
    decision = promote()
    assert "segline/2 has mean IoU 0.2500 on today's test split, the champion segline/1 has 0.2500" in str(decision)
    assert "the test split changed since the champion was chosen" in str(decision)
    assert read_ledger()[1].evidence["test_split_changed"] is True


def test_losses_do_not_add_up_against_the_anchor(contest: Callable[..., None]) -> None:
    """A challenger that ties with the champion is refused where an older version was much better."""
    contest(rule="non_inferior", anchor=1)
    for favourite in (ROAD, SKY, SKY):
        register(favourite)
    for version in (1, 2):
        standing = read_standing()
        record(new_line("promote", version, standing.lines, standing.found, ["why"], {}))
    decision = promote("3")
    assert not decision.promoted and "the anchor segline/1 0.3750" in str(decision)
    assert sorted(read_ledger()[-1].evidence["comparisons"]) == ["1", "2"]


def _table(correct: int, wrong: int) -> ImageTable:
    matrix = np.array([[correct, wrong], [wrong, correct]])
    names, ones = tuple("abcdef"), np.ones(6, np.int64)
    return ImageTable(CLASSES.names, names, names, ones, ones, np.zeros(6), np.stack([matrix] * 6))


TABLES = {"segline/1": _table(9, 1), "segline/2": _table(8, 2)}


@pytest.fixture
def pair(contest: Callable[..., None]) -> Contest:
    """A challenger and a champion."""
    contest()
    return Contest(register(SKY), register(SKY), None, None)


def _decide(
    contest: Contest,
    tables: dict[str, ImageTable],
    noise: NoiseFloor | None = None,
    seen: dict[str, int | None] | None = None,
) -> Any:
    today = md5_of_test_split(read_manifest())
    return decide(contest, Rescored(tables, today), read_params().promote, noise, seen or dict.fromkeys(tables))


def test_scores_of_nothing_do_not_promote(contest: Callable[..., None]) -> None:
    """A mean IoU that is nan beats nobody, not even where there is no champion."""
    contest()
    one, two, nothing = register(SKY), register(SKY), _table(0, 0)
    for champion in (None, two):
        decision = _decide(Contest(one, champion, None, None), {"segline/1": nothing, "segline/2": nothing})
        assert not decision.promoted
        assert decision.reasons[0] == "segline/1 has mean IoU nan on today's test split, which shows nothing"
        assert decision.evidence["mean_ious"]["1"] is None


def test_a_decision_tells_one_mean_iou_of_a_model(pair: Contest) -> None:
    """Reasons, evidence and comparison are one definition: a class that no label has decides nothing."""
    tables = {name: _table(0, 0) for name in TABLES}
    for name, matrix in (("segline/1", [[9, 1], [0, 0]]), ("segline/2", [[8, 2], [0, 0]])):
        tables[name].matrices[:] = matrix
    decision = _decide(pair, tables)
    assert decision.promoted and decision.evidence["mean_ious"] == {"1": 0.9, "2": 0.8}
    assert decision.evidence["comparisons"]["2"]["mean_ious"] == [0.9, 0.8]
    told = [reason for reason in decision.reasons if "mean IoU 0." in reason]
    assert len(told) == 2 and all("0.9000" in reason and "0.8000" in reason for reason in told)


@pytest.mark.parametrize("rule", ["note", "require"])
def test_noise_floor_is_told_or_required(contest: Callable[..., None], rule: str) -> None:
    """A difference that two seeds make by chance is told, or promotes nobody; the line keeps where it comes from."""
    contest(noise_floor=rule)
    pair = Contest(register(SKY), register(SKY), None, None)
    assert _decide(pair, TABLES, NoiseFloor(0.1, "p", "d", (0.1, 0.2))).promoted
    decision = _decide(pair, TABLES, NoiseFloor(0.2, "p", "d", (0.1, 0.2)))
    assert decision.promoted == (rule == "note") and "20.00 points are the noise floor" in str(decision)
    assert decision.evidence["noise_floor"]["data_md5"] == "d" and decision.evidence["rule"]["noise_floor"] == rule


def test_noise_floor_of_a_version_without_lineage(contest: Callable[..., None]) -> None:
    """A version that another program registered has no params and no data to compare with; that is no failure."""
    contest()
    bare = replace(register(SKY), tags={"verdict": "accepted"})
    decision = _decide(Contest(bare, register(SKY), None, None), TABLES, NoiseFloor(0.1, "p", "d", (0.1, 0.2)))
    assert "the noise floor is of other data" in str(decision)


def test_noise_floor_of_something_else_is_told(pair: Contest) -> None:
    """A floor of other data or other params still counts, and the reasons say of what it is."""
    for data, params, told in (("data", "params", None), ("d", "p", "data"), ("data", "p", "params")):
        decision = _decide(pair, TABLES, NoiseFloor(0.1, params, data, (0.1, 0.2)))
        assert decision.promoted and (f"the noise floor is of other {told} than" in str(decision)) == bool(told)


def test_first_champion_that_was_judged_on_another_split(contest: Callable[..., None], tmp_path: Path) -> None:
    """The floors alone decide on a first champion, so a verdict on another test split decides nothing."""
    contest()
    register(SKY)
    write_split(tmp_path / "data", [4] * 6)
    decision = promote()
    assert not decision.promoted and "run `dvc repro` and `segline register` again" in str(decision)
    assert number_by_alias() == {"challenger": 1} and read_ledger()[0].kind == "refuse"


def test_model_that_has_seen_the_test_images(pair: Contest) -> None:
    """A challenger that learnt from what is test today is refused; of a champion that did, it is told."""
    decision = _decide(pair, TABLES, seen={"segline/1": 3, "segline/2": 0})
    assert not decision.promoted and "segline/1 was trained or chosen on 3 of today's test images" in str(decision)
    decision = _decide(pair, TABLES, seen={"segline/1": 0, "segline/2": 3})
    assert decision.promoted and "segline/2 was trained or chosen on 3 of today's test images" in str(decision)
    assert decision.evidence["seen"] == {"1": 0, "2": 3}


def test_version_by_number(contest: Callable[..., None]) -> None:
    """Any accepted version can be named; one that is not there is refused, as is another model's."""
    contest()
    register(ROAD)
    register(SKY)
    assert promote("1").promoted and number_by_alias()["champion"] == 1
    with pytest.raises(RegistryError, match="segline/9: not found"):
        promote("9")


def test_version_of_another_model(contest: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger is one model's, so a version of another is sent to its own."""
    contest()
    monkeypatch.setenv("SEGLINE_MODEL_NAME", "other")
    register(SKY)
    monkeypatch.delenv("SEGLINE_MODEL_NAME")
    with pytest.raises(RegistryError, match="other/1: is no version of segline; .* set SEGLINE_MODEL_NAME to other"):
        promote("other/1")


def test_version_that_was_rolled_back_does_not_come_back_by_itself(contest: Callable[..., None]) -> None:
    """What a person has undone, the next run of a schedule leaves undone; by its number it is compared again."""
    contest()
    register(SKY)
    promote()
    register(ROAD)
    promote()
    rollback()
    told = "NOT PROMOTED: segline/2 was rolled back in line 3 of the ledger; `segline promote 2`"
    assert str(promote()).startswith(told)
    assert promote("2").promoted


def test_without_an_accepted_challenger_there_is_no_promotion(contest: Callable[..., None]) -> None:
    """An empty registry is told as such, and a version that the gate did not accept is refused."""
    contest()
    with pytest.raises(RegistryError, match="segline@challenger: not found"):
        promote()
    register(ROAD, verdict="rejected")
    with pytest.raises(EvidenceError, match="segline/1: has no accepted verdict"):
        promote()
    assert find_alias("champion") is None and read_ledger() == ()


def _judge(accepted: bool, seconds_from_now: int) -> None:
    """Leaves a verdict of the gate, as if it were of that time."""
    Verdict(accepted, ("mean IoU 0.5 is below the floor 0.7", "IoU of car is 0"), None, 0.5, None).write()
    when = time.time() + seconds_from_now
    os.utime(VERDICT, (when, when))


def test_model_that_the_gate_rejected(contest: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    """Without a challenger it is told that the gate rejected, and why, with the exit code of a rejection."""
    contest()
    _judge(False, 60)
    with pytest.raises(SystemExit) as exit_:
        run(lambda: step.tell(promote()))
    err = capsys.readouterr().err
    assert exit_.value.code == 3 and "error: the gate rejected the newest model: mean IoU 0.5 is below the floor" in err
    assert "; IoU of car is 0; " in err and "not found" not in err and read_ledger() == ()


def test_challenger_that_is_older_than_a_rejected_model(contest: Callable[..., None]) -> None:
    """Whoever asks means the newest model, so the older one is not judged in its place; by its number it is."""
    contest()
    register(SKY)
    _judge(False, 60)
    with pytest.raises(
        RejectedError, match="rejected the newest model.*segline/1 is older, .segline promote 1. judges"
    ):
        promote()
    assert read_ledger() == () and promote("1").promoted


@pytest.mark.parametrize(("accepted", "seconds"), [(True, 60), (False, -3600)])
def test_challenger_that_the_gate_did_not_reject(contest: Callable[..., None], accepted: bool, seconds: int) -> None:
    """An accepted model, and one that was registered after a rejection, are judged as ever."""
    contest()
    register(SKY)
    _judge(accepted, seconds)
    assert promote().promoted


def test_nothing_moves_on_a_test_split_or_classes_that_do_not_fit(contest: Callable[..., None], tmp_path: Path) -> None:
    """What cannot be compared is refused before anything is written."""
    contest()
    register(ROAD)
    write_contract(tmp_path / "data", ClassList(("sky", "tree"), CLASSES.colours, 255), [])
    with pytest.raises(EvidenceError, match="segline/1 knows the classes sky, road, today's data has sky, tree"):
        promote()
    assert find_alias("champion") is None and read_ledger() == ()


def test_champion_that_was_moved_by_hand(contest: Callable[..., None]) -> None:
    """While the alias is not where the ledger has it nothing is decided; `rollback --to` puts it right."""
    contest()
    for _ in range(3):
        register(SKY)
    promote("1")
    set_alias("champion", find_version("2"))
    with pytest.raises(
        RegistryError, match="champion is segline/1, the alias is at segline/2: .*--to 1.*`segline promote 2`"
    ):
        promote("3")
    rollback("1")
    assert number_by_alias()["champion"] == 1 and not promote("3").promoted


def test_champion_that_was_moved_meanwhile(contest: Callable[..., None]) -> None:
    """Of two decisions against the same champion the first moves the alias, the second says why it did not."""
    contest()
    first, second, standing = register(SKY), register(ROAD), read_standing()
    decisions = [
        _decide(Contest(version, None, None, None), {str(version): _table(9, 1)}) for version in (first, second)
    ]
    assert carry_out(decisions[0], standing).promoted
    late = carry_out(decisions[1], standing)
    assert not late.promoted and late.reasons[0] == (
        "segline/2: it was compared with no champion, but the champion was 1 by then, moved in line 1; nothing was "
        "moved, run `segline promote` again"
    )
    assert number_by_alias()["champion"] == 1 and [line.kind for line in read_ledger()] == ["promote", "promote"]
