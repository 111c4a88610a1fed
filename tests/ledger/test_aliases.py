"""Tests of the aliases: they follow the ledger, whoever writes it and whoever dies on the way."""

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from threading import Barrier

import pytest

from pipeline.errors import RegistryError
from pipeline.ledger import aliases
from pipeline.ledger.aliases import check_agreement, find_number, follow_ledger, read_standing, record
from pipeline.ledger.ledger import Aliases, append, new_line, read_ledger
from pipeline.registry.client import find_version, set_alias
from pipeline.registry.connection import opened
from tests.contest import number_by_alias
from tests.finished_project import use_registry

pytestmark = pytest.mark.services

NOBODY = Aliases(None, None)
NUM_PROCESSES = 20
PRELOAD = [
    "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_store",
    "pytest",
    "scipy.special",
]


@pytest.fixture
def register(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Makes versions without a model."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(aliases, "PAUSE_S", 0.01)
    use_registry(tmp_path, monkeypatch)

    def _register(num_versions: int) -> None:
        with opened() as (_, client):
            client.create_registered_model("segline")
            for _ in range(num_versions):
                client.create_model_version("segline", "segline:/test", await_creation_for=None)

    return _register


def promote(version: int) -> str:
    """Records a promotion of whoever is champion, and gives what came of it."""
    standing = read_standing()
    return record(new_line("promote", version, standing.lines, standing.found, ["why"], {})).what


def test_aliases_follow_the_ledger(register: Callable[[int], None]) -> None:
    """Each move takes both aliases along, and a refusal none."""
    register(3)
    assert promote(1) == "promoted" and number_by_alias() == {"champion": 1}
    assert promote(2) == "promoted" and number_by_alias() == {"champion": 2, "previous": 1}
    standing = read_standing()
    line = new_line("refuse", 3, standing.lines, standing.found, ["why"], {})
    assert record(line).what == "refused" and number_by_alias() == {"champion": 2, "previous": 1}
    assert standing.complaint is None and len(standing.lines) == 2


def test_empty_registry(register: Callable[[int], None]) -> None:
    """Where nothing is, nobody is champion and nobody complains."""
    standing = read_standing()
    assert (standing.lines, standing.state.champion, standing.complaint) == ((), None, None)
    assert find_number(None) is None and find_number(1) is None


def test_aliases_from_before_the_ledger(register: Callable[[int], None]) -> None:
    """A champion that was made when there was no ledger is where the ledger starts, recorded in its first line."""
    register(3)
    set_alias("champion", find_version("2"))
    set_alias("previous", find_version("1"))
    assert read_standing().state.champion == 2
    assert promote(3) == "promoted" and number_by_alias() == {"champion": 3, "previous": 2}
    assert read_ledger()[0].found == Aliases(2, 1)


@pytest.mark.e2e
def test_move_of_a_program_that_died_is_completed(register: Callable[[int], None]) -> None:
    """A line that was written but not followed is followed by whoever decides next; who only reads moves nothing."""
    register(2)
    promote(1)
    standing = read_standing()
    append(new_line("promote", 2, standing.lines, standing.found, ["why"], {}))
    assert number_by_alias() == {"champion": 1}
    assert "the program that wrote line 2 ended before it moved the alias" in str(read_standing().complaint)
    assert number_by_alias() == {"champion": 1}
    assert read_standing(completes=True).complaint is None and number_by_alias() == {"champion": 2, "previous": 1}


@pytest.mark.parametrize(
    ("moved_to", "message"),
    [
        (2, "champion is segline/1, the alias is at segline/2: .*`segline rollback --to 1`, .*`segline promote 2`"),
        (
            None,
            "champion is segline/1, the alias is at nobody: .* was deleted; `segline rollback --to 1`, or",
        ),
    ],
)
def test_alias_that_was_moved_by_hand(register: Callable[[int], None], moved_to: int | None, message: str) -> None:
    """A champion that the ledger does not know of is told, with a way out, and is not silently corrected."""
    register(2)
    promote(1)
    if moved_to:
        set_alias("champion", find_version(str(moved_to)))
    else:
        with opened() as (_, client):
            client.delete_registered_model_alias("segline", "champion")
    with pytest.raises(RegistryError, match=message):
        check_agreement(read_standing())
    assert number_by_alias().get("champion") == moved_to


def test_version_that_was_deleted_gets_no_alias(register: Callable[[int], None]) -> None:
    """A champion that is deleted leaves the alias nowhere, and the ledger can still be followed."""
    register(1)
    promote(1)
    with opened() as (_, client):
        client.delete_model_version("segline", "1")
    assert follow_ledger().champion == 1 and number_by_alias() == {}
    assert "segline/1 was deleted" in (read_standing().complaint or "")


def _promote_at_once(uri: str, start: Barrier, version: int) -> tuple[int, str, str]:
    """One of many processes; all have read the empty ledger."""
    os.environ["MLFLOW_TRACKING_URI"] = uri
    line = new_line("promote", version, [], NOBODY, ["why"], {})
    start.wait()
    effect = record(line)
    return version, effect.what, effect.reason


@pytest.mark.e2e
def test_of_twenty_promotions_at_once_one_wins(register: Callable[[int], None]) -> None:
    """Twenty processes leave twenty lines, one winner, and aliases that agree with the last line that moved them."""
    register(NUM_PROCESSES)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    versions = range(1, NUM_PROCESSES + 1)
    uri = os.environ["MLFLOW_TRACKING_URI"]
    with context.Manager() as manager, ProcessPoolExecutor(NUM_PROCESSES, mp_context=context) as pool:
        start = manager.Barrier(NUM_PROCESSES, timeout=60)  # where one does not come, none waits for it for ever
        outcomes = list(pool.map(partial(_promote_at_once, uri, start), versions))
    lines = read_ledger()
    assert [line.number for line in lines] == list(versions) == sorted(line.version for line in lines)
    winner = lines[0].version
    void = f"the champion was {winner} by then, moved in line 1"
    assert outcomes == [(v, "promoted", "") if v == winner else (v, "void", void) for v in versions]
    assert number_by_alias() == {"champion": winner} and read_standing().complaint is None
