"""Tests of promotion: real models, scored on the test split that is there today."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.dataset.contract import ClassList, write_contract
from pipeline.errors import EvidenceError, ParamsError, RegistryError, RejectedError
from pipeline.evaluation.reasons import Reason
from pipeline.evaluation.verdict import VERDICT, Verdict
from pipeline.ledger.aliases import read_standing, record
from pipeline.ledger.ledger import new_line, read_ledger
from pipeline.params import read_params
from pipeline.promotion.decide import Promotion
from pipeline.promotion.findings import give_reason
from pipeline.promotion.references import find_references
from pipeline.promotion.wording import to_sentences
from pipeline.registry.client import find_alias, find_version, list_versions, set_alias, set_tags
from pipeline.registry.connection import opened
from pipeline.report.place import NEWEST
from pipeline.runtime.program import run
from pipeline.steps import history, status
from pipeline.steps import promote as step
from pipeline.steps.promote import carry_out, promote
from pipeline.steps.rollback import rollback
from tests.contest import FREE, ROAD, SKY, number_by_alias, register, write_contest, write_split
from tests.finished_project import CLASSES

pytestmark = pytest.mark.e2e


def codes(decision: Promotion) -> list[str]:
    """The code of each reason."""
    return [reason.code for reason in decision.reasons]


@pytest.fixture
def contest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes the project, with values of the section `promote`."""
    return lambda **promote: write_contest(tmp_path, monkeypatch, **{**FREE, **promote})


def test_first_champion_needs_the_gate_alone(contest: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    """The first accepted version becomes champion; decision, tags and ledger have the reason."""
    contest()
    register(SKY)
    decision = promote()
    step.show(decision)
    assert decision.promoted and decision.champion is None
    assert codes(decision) == ["score", "no_champion"] and f"{decision}\n" in capsys.readouterr().out
    assert number_by_alias() == {"challenger": 1, "champion": 1}
    tags = list_versions()[0].tags
    assert tags["rescored_mean_iou"] == "0.125000" and tags["decision"] == str(decision) and tags["rescored_test_md5"]
    (line,) = read_ledger()
    assert (line.kind, line.version, line.expected_champion, line.who) == ("promote", 1, None, "tester")


def test_the_champion_is_published_afterwards(
    contest: Callable[..., None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the number of its line, after a refusal too. If that fails, the decision stands, and exit code 1 tells it."""
    contest()
    monkeypatch.setenv("SEGLINE_PUBLISH", "params.yaml")
    register(ROAD)
    with pytest.raises(SystemExit) as exit_:
        run(lambda: step.show(promote()))
    out, err = capsys.readouterr()
    assert exit_.value.code == 1 and "PROMOTED: segline/1" in out
    assert "error: this decision stands and is recorded, but the champion was not published: " in err
    assert number_by_alias()["champion"] == 1
    monkeypatch.setenv("SEGLINE_PUBLISH", "served")
    register(SKY)
    step.show(promote())
    out = capsys.readouterr().out
    assert "NOT PROMOTED: segline/2" in out and out.endswith("segline/1 published: served/segline/1\n")


def test_better_challenger_takes_the_place(contest: Callable[..., None]) -> None:
    """A superior version becomes champion, the former one previous; a second promotion writes a line alone."""
    contest()
    register(SKY)
    promote()
    register(ROAD)
    decision = promote()
    assert decision.promoted
    scores: dict[str, Any] = {"mean_iou": 0.375, "champion": "segline/1", "champion_mean_iou": 0.125}
    assert decision.reasons[0] == give_reason("scores", model="segline/2", **scores)
    assert number_by_alias() == {"challenger": 2, "champion": 2, "previous": 1}
    again = promote()
    assert not again.promoted and codes(again) == ["already_champion"]
    assert [line.kind for line in read_ledger()] == ["promote", "promote", "refuse"]


@pytest.mark.parametrize("challenger", [SKY, ROAD])
def test_champion_that_is_not_beaten_stays(contest: Callable[..., None], challenger: int) -> None:
    """A worse challenger and an equal one are not promoted; that is a result, kept in the ledger, and no error."""
    contest()
    register(ROAD)
    promote()
    register(challenger)
    decision = promote()
    assert not decision.promoted and "superiority_not_demonstrated" in codes(decision)
    assert number_by_alias() == {"challenger": 2, "champion": 1}
    assert list_versions()[1].tags["decision"].startswith("NOT PROMOTED: segline/2 has mean IoU ")
    line = read_ledger()[1]
    assert (line.kind, line.version, line.expected_champion) == ("refuse", 2, 1)
    assert line.reasons == to_sentences(decision.reasons)


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
    lost = [reason.values["class_name"] for reason in decision.reasons if reason.code == "class_loss"]
    assert not decision.promoted and lost == ["sky"]


def test_attempts_on_one_test_split_are_counted(
    contest: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each other version is one more; then all are refused, until the split has more groups; `status` shows them."""
    contest(attempts=2, confidence=0.9)
    for _ in range(4):
        register(ROAD)
    promote("1")
    found = [promote(version) for version in ("2", "3", "3", "4")]
    used_up = ["attempts_used_up" in codes(decision) for decision in found]
    assert [line.evidence["attempts"]["number"] for line in read_ledger()[1:]] == [1, 2, 2, 3]
    assert used_up == [False, False, False, True] and not any(decision.promoted for decision in found)
    status.show(status.status())
    assert "line 5: attempt 3 of 2 on this test split, at level 0.05" in capsys.readouterr().out
    write_split(tmp_path / "data", [4] * 7)
    assert "attempts_used_up" not in codes(promote("4"))  # 2 * 6 / 7 are below 2
    assert read_ledger()[-1].evidence["attempts"]["number"] == 2


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
    """All are scored on today's test split, and the line says that it changed."""
    contest()
    register(SKY)
    promote()
    write_split(tmp_path / "data", [4] * 6)
    register(ROAD)
    decision = promote()
    scores: dict[str, Any] = {"mean_iou": 0.25, "champion": "segline/1", "champion_mean_iou": 0.25}
    assert decision.reasons[:2] == (
        give_reason("scores", model="segline/2", **scores),
        give_reason("test_split_changed"),
    )
    assert read_ledger()[1].evidence["test_split_changed"] is True


def test_losses_do_not_add_up_against_the_anchor(contest: Callable[..., None]) -> None:
    """A challenger that ties with the champion is refused if the anchor is much better."""
    contest(rule="non_inferior", anchor=1)
    for favourite in (ROAD, SKY, SKY):
        register(favourite)
    for version in (1, 2):
        standing = read_standing()
        record(new_line("promote", version, standing.lines, standing.found, ["why"], {}))
    decision = promote("3")
    assert not decision.promoted and decision.reasons[0].values["anchor_mean_iou"] == 0.375
    assert "non_inferiority_not_demonstrated" in codes(decision)
    assert sorted(read_ledger()[-1].evidence["comparisons"]) == ["1", "2"]


def test_first_champion_that_was_judged_on_another_split(contest: Callable[..., None], tmp_path: Path) -> None:
    """The gate alone decides on a first champion, so a verdict on another test split decides nothing."""
    contest()
    register(SKY)
    write_split(tmp_path / "data", [4] * 6)
    decision = promote()
    assert not decision.promoted and "judged_on_other_split" in codes(decision)
    assert number_by_alias() == {"challenger": 1} and read_ledger()[0].kind == "refuse"


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
    with pytest.raises(RegistryError, match="other/1: is not a version of segline; .* set SEGLINE_MODEL_NAME to other"):
        promote("other/1")


def test_version_that_was_rolled_back_does_not_come_back_by_itself(contest: Callable[..., None]) -> None:
    """The next run of a schedule does not promote a demoted version; a person who names it has it compared again."""
    contest()
    register(SKY)
    promote()
    register(ROAD)
    promote()
    rollback()
    assert promote().reasons == (give_reason("demoted", model="segline/2", number=2, line=3),)
    assert promote("2").promoted


def test_override(contest: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    """A person promotes against the rule, with a reason, which is a line of its own kind and is shown from then on."""
    contest(anchor="best")
    for favourite in (ROAD, SKY):
        register(favourite)
    assert promote("1").promoted
    for reason in ("", " \n"):
        with pytest.raises(ParamsError, match="--override has no reason, expected why the rule is wrong here"):
            promote("2", reason)
    decision = promote("2", "a hotfix\nfor the fair")
    assert decision.promoted and decision.reasons[0].values["why"] == "a hotfix for the fair"
    assert "superiority_not_demonstrated" in codes(decision) and number_by_alias()["champion"] == 2
    line = read_ledger()[-1]
    assert (line.kind, line.evidence["override"], line.who) == ("override", "a hotfix for the fair", "tester")
    register(SKY)
    assert find_references(find_version("3"), read_standing(), "best").anchor == find_version("1")
    assert not promote("3").promoted
    page = NEWEST.read_text()
    assert "segline/3 was not promoted" in page and "by tester: a hotfix for the fair" in page
    status.show(status.status())
    assert "override: version 2 was promoted against the rule, line 2 of the ledger" in capsys.readouterr().out
    history.show(history.history())
    assert "override" in capsys.readouterr().out


def test_an_override_replaces_neither_gate_nor_files(contest: Callable[..., None]) -> None:
    """A version that the gate rejected, or whose files are not what was registered, is refused as ever."""
    contest()
    register(ROAD, verdict="rejected")
    with pytest.raises(EvidenceError, match="segline/1: has no accepted verdict; .* no override replaces it"):
        promote("1", "why not")
    register(ROAD)
    set_tags(find_version("2"), {"model_md5": f"{'0' * 32}.dir"})
    with pytest.raises(EvidenceError, match="segline/2: its tags are not what was registered"):
        promote("2", "why not")
    assert read_ledger() == () and find_alias("champion") is None


def test_unknown_exposure(contest: Callable[..., None]) -> None:
    """A version whose run has no manifest is refused, unless the params note it or a person overrides the rule."""
    contest()
    version = register(ROAD)
    with opened() as (mlflow, client):
        folder = Path(mlflow.artifacts.download_artifacts(client.get_run(version.run_id).info.artifact_uri))
    (folder / "validate/manifest.csv").unlink()
    decision = promote()
    assert not decision.promoted and "exposure_unknown" in codes(decision)
    contest_params = yaml.safe_load(Path("params.yaml").read_text())
    contest_params["promote"]["unknown_exposure"] = "note"
    Path("params.yaml").write_text(yaml.safe_dump(contest_params))
    assert promote().promoted


def test_without_an_accepted_challenger_there_is_no_promotion(contest: Callable[..., None]) -> None:
    """An empty registry is reported as such, and a version that the gate did not accept is refused."""
    contest()
    with pytest.raises(RegistryError, match="segline@challenger: not found"):
        promote()
    register(ROAD, verdict="rejected")
    with pytest.raises(EvidenceError, match="segline/1: has no accepted verdict"):
        promote()
    assert find_alias("champion") is None and read_ledger() == ()


def _judge(accepted: bool, seconds_from_now: int) -> None:
    """Leaves a verdict of the gate, as if it were of that time."""
    reasons = [
        Reason("below_floor", {"name": name, "value": 0.5, "threshold": 0.7}) for name in ("mean_iou", "iou/car")
    ]
    Verdict(accepted, tuple(reasons), None, 0.5, None).write()
    when = time.time() + seconds_from_now
    os.utime(VERDICT, (when, when))


def test_model_that_the_gate_rejected(contest: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    """Without a challenger it is reported that the gate rejected, and why, with the exit code of a rejection."""
    contest()
    _judge(False, 60)
    with pytest.raises(SystemExit) as exit_:
        run(lambda: step.show(promote()))
    err = capsys.readouterr().err
    assert exit_.value.code == 3 and "error: the gate rejected the newest model: mean IoU 0.5 is below the floor" in err
    assert "; IoU of car 0.5 is below the floor 0.7; " in err and "not found" not in err and read_ledger() == ()


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
    decisions = [Promotion(True, (give_reason("no_champion"),), version, None, {}) for version in (first, second)]
    assert carry_out(decisions[0], standing).promoted
    late = carry_out(decisions[1], standing)
    cause = "the champion was 1 by then, moved in line 1"
    superseded = give_reason("superseded", model="segline/2", champion=None, cause=cause)
    assert not late.promoted and late.reasons == (superseded, give_reason("no_champion"))
    assert list_versions()[1].tags["decision"] == str(late)
    assert number_by_alias()["champion"] == 1 and [line.kind for line in read_ledger()] == ["promote", "promote"]


def test_line_from_before_codes(contest: Callable[..., None]) -> None:
    """A line whose reasons are text alone is read and decides as ever; a new line has text and codes."""
    contest()
    register(SKY)
    standing = read_standing()
    record(new_line("promote", 1, standing.lines, standing.found, ["there was no champion"], {"test_md5": "old"}))
    register(ROAD)
    decision = promote()
    old, new = read_ledger()
    assert (old.reasons, old.evidence) == (("there was no champion",), {"test_md5": "old"})
    assert decision.promoted and new.evidence["champion_test_md5"] == "old" and read_standing().findings == ()
    assert new.reasons == to_sentences(decision.reasons)
    assert [Reason(**content) for content in new.evidence["reasons"]] == list(decision.reasons)
