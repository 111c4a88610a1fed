"""Tests of rolling a promotion back."""

from pathlib import Path

import pytest

from pipeline.errors import EvidenceError, RegistryError, StorageError
from pipeline.ledger.aliases import read_standing, record
from pipeline.ledger.ledger import new_line, read_ledger
from pipeline.promotion.references import find_references
from pipeline.registry.client import (
    delete_version,
    find_alias,
    find_version,
    list_versions,
    model_name,
    set_alias,
    set_tags,
)
from pipeline.registry.connection import opened
from pipeline.steps import rollback as step
from pipeline.steps.rollback import move, rollback
from tests import contest
from tests.contest import ROAD, number_by_alias, write_contest

pytestmark = pytest.mark.services


@pytest.fixture(autouse=True)
def _registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_contest(tmp_path, monkeypatch)


def register(*verdicts: str) -> None:
    """Registers a tiny model for each verdict of the gate."""
    for verdict in verdicts:
        contest.register(ROAD, verdict=verdict)
    with opened() as (_, client):
        client.delete_registered_model_alias(model_name(), "challenger")


def promote(version: int) -> None:
    """Records a promotion."""
    standing = read_standing()
    record(new_line("promote", version, standing.lines, standing.found, ["why"], {}))


@pytest.mark.e2e
def test_rollback_undoes_and_is_undone(capsys: pytest.CaptureFixture[str]) -> None:
    """The previous champion is champion again; a second rollback restores what was before. Both are recorded."""
    register("accepted", "accepted")
    promote(1)
    promote(2)
    step.show(rollback())
    assert capsys.readouterr().out.endswith("segline/1 is champion again, segline/2 is previous\n")
    assert number_by_alias() == {"champion": 1, "previous": 2}
    rollback()
    assert number_by_alias() == {"champion": 2, "previous": 1}
    assert [(line.kind, line.version) for line in read_ledger()[2:]] == [("rollback", 1), ("rollback", 2)]
    line = read_ledger()[2]
    assert line.reasons == ("segline/1 in place of segline/2",)
    values = {"model": "segline/1", "replaced": "segline/2"}
    assert line.evidence == {"reasons": [{"code": "replaced", "values": values}]}


@pytest.mark.e2e
def test_a_rollback_is_published_with_a_larger_number(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """TensorFlow Serving takes it for newer. If publishing fails, the rollback stands, and the message says so."""
    register("accepted", "accepted")
    promote(1)
    promote(2)
    monkeypatch.setenv("SEGLINE_PUBLISH", "served")
    step.show(rollback())
    assert capsys.readouterr().out.endswith("segline/2 is previous\nsegline/1 published: served/segline/3\n")
    monkeypatch.setenv("SEGLINE_PUBLISH", "params.yaml")
    with pytest.raises(StorageError, match="this decision stands .* was not published: .*`segline publish`"):
        step.show(rollback())
    assert number_by_alias()["champion"] == 2


def test_rollback_of_what_was_before_the_ledger() -> None:
    """Aliases that are older than the ledger can be rolled back too."""
    register("accepted", "accepted")
    set_alias("previous", find_version("1"))
    set_alias("champion", find_version("2"))
    assert rollback().champion.number == 1 and number_by_alias() == {"champion": 1, "previous": 2}


@pytest.mark.e2e
def test_rollback_to_a_version(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever was champion once can be again; nobody becomes so past the comparison."""
    register("accepted", "accepted", "accepted", "accepted")
    for version in (1, 3, 2):
        promote(version)
    step.show(rollback("1"))
    assert number_by_alias() == {"champion": 1, "previous": 2}
    assert capsys.readouterr().out.endswith("segline/1 is champion, segline/2 is previous\n")
    with pytest.raises(EvidenceError, match="segline/4: never was champion, .*; `segline promote 4` compares it"):
        rollback("4")
    with pytest.raises(RegistryError, match="segline/1 is the champion already; `segline history` shows"):
        rollback("1")
    with pytest.raises(RegistryError, match="segline/9: not found"):
        rollback("9")


@pytest.mark.parametrize("to", ["2", None])
def test_version_that_the_gate_never_accepted(to: str | None) -> None:
    """Nobody becomes champion past the gate, named or not."""
    register("accepted", "rejected")
    set_alias("previous", find_version("2"))
    set_alias("champion", find_version("1"))
    with pytest.raises(EvidenceError, match="segline/2: has no accepted verdict, so it cannot be champion"):
        rollback(to)
    assert read_ledger() == () and number_by_alias()["champion"] == 1


@pytest.mark.e2e
def test_version_that_is_not_what_was_registered() -> None:
    """Another model's tag, or files that are gone, are found before anything moves."""
    register("accepted", "accepted")
    promote(1)
    promote(2)
    set_tags(find_version("1"), {"model_md5": f"{'0' * 32}.dir"})
    with pytest.raises(EvidenceError, match="segline/1: its tags are not what was registered: model_md5 is 0000"):
        rollback()
    with pytest.raises(EvidenceError, match="segline/1: its tags are not what was registered"):
        rollback("1")
    assert len(read_ledger()) == 2 and number_by_alias() == {"champion": 2, "previous": 1}


def test_nothing_to_roll_back_to() -> None:
    """Without a champion, and without another one before it, nothing moves."""
    register("accepted", "accepted")
    with pytest.raises(RegistryError, match="there is no champion to roll back"):
        rollback()
    set_alias("champion", find_version("1"))
    for previous in (None, find_version("1")):
        if previous:
            set_alias("previous", previous)
        with pytest.raises(RegistryError, match="segline/1 is champion and no version was before it; .*--to VERSION"):
            rollback()
    assert find_alias("champion") == list_versions()[0]


def test_version_of_another_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """A version of another model has a ledger of its own."""
    monkeypatch.setenv("SEGLINE_MODEL_NAME", "other")
    register("accepted")
    monkeypatch.delenv("SEGLINE_MODEL_NAME")
    with pytest.raises(RegistryError, match="other/1: is not a version of segline; set SEGLINE_MODEL_NAME to other"):
        rollback("other/1")


@pytest.mark.e2e
def test_two_rollbacks_keep_the_anchor() -> None:
    """A promotion that is undone and restored leaves the best version what it was."""
    register("accepted", "accepted", "accepted")
    promote(1)
    promote(2)
    for _ in range(2):
        rollback()
    assert find_references(find_version("3"), read_standing(), "best").anchor == find_version("1")


@pytest.mark.e2e
@pytest.mark.parametrize("to", [1, 3])
def test_alias_that_was_moved_by_hand_is_put_right(to: int) -> None:
    """A bare rollback is refused while ledger and alias differ; a champion by the ledger puts it right, on record."""
    register("accepted", "accepted", "accepted")
    promote(3)
    promote(1)
    set_alias("champion", find_version("2"))
    refusal = "the champion is segline/1, the alias is at segline/2: .* moved by hand.*`segline rollback --to 1`"
    with pytest.raises(RegistryError, match=refusal):
        rollback()
    rollback(str(to))
    standing = read_standing()
    assert standing.complaint is None and number_by_alias()["champion"] == to
    line = standing.lines[-1]
    assert line.found.champion == 2 and line.evidence["reasons"][-1] == (
        {"code": "alias_moved_by_hand", "values": {"alias_at": "segline/2"}}
    )


@pytest.mark.e2e
def test_alias_that_was_moved_by_hand_makes_no_champion() -> None:
    """Whom a promotion refused stays so wherever the alias is; the anchor stays, and the message says what to do."""
    register("accepted", "accepted", "accepted")
    promote(1)
    standing = read_standing()
    record(new_line("refuse", 2, standing.lines, standing.found, ["worse"], {}))
    set_alias("champion", find_version("2"))
    refusal = "segline/2: never was champion.*`segline rollback --to 1`.*`segline promote 2`"
    for before in ("champion", "previous"):
        set_alias(before, find_version("2"))
        with pytest.raises(EvidenceError, match=refusal):
            rollback("2")
    rollback("1")
    assert number_by_alias()["champion"] == 1
    assert find_references(find_version("3"), read_standing(), "best").anchor == find_version("1")
    with pytest.raises(RegistryError, match="no version was before it"):
        rollback()


@pytest.mark.e2e
def test_alias_where_the_ledger_has_no_champion() -> None:
    """Nobody was promoted yet, so there is nobody to go back to: the alias has to go."""
    register("accepted")
    standing = read_standing()
    record(new_line("refuse", 1, standing.lines, standing.found, ["stale"], {}))
    set_alias("champion", find_version("1"))
    with pytest.raises(RegistryError, match="remove the alias champion in MLflow; `segline promote 1` then"):
        rollback()
    with pytest.raises(EvidenceError, match="segline/1: never was champion.*remove the alias champion in MLflow"):
        rollback("1")


@pytest.mark.e2e
def test_no_champion_is_left() -> None:
    """Where every champion was deleted, an accepted version may take the place, and the ledger says why."""
    register("accepted", "accepted", "rejected")
    promote(1)
    delete_version(find_version("1"))
    with pytest.raises(EvidenceError, match="segline/3: has no accepted verdict"):
        rollback("3")
    assert rollback("2").champion.number == 2 and number_by_alias() == {"champion": 2}
    assert [reason["code"] for reason in read_ledger()[-1].evidence["reasons"]] == ["replaced", "no_champion_left"]


@pytest.mark.e2e
def test_someone_was_faster() -> None:
    """A rollback of a champion that is none any more moves nothing, and says so."""
    register("accepted", "accepted", "accepted")
    promote(1)
    promote(2)
    stale = read_standing()
    promote(3)
    with pytest.raises(RegistryError, match="the champion was 3 by then, moved in line 3; nothing was rolled back"):
        move(find_version("1"), stale)
    assert number_by_alias() == {"champion": 3, "previous": 2}
