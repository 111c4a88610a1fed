"""Tests of pipeline/retention/checkouts.py."""

import subprocess
from pathlib import Path

import pytest

from pipeline.errors import StageError
from pipeline.repository.checkout import CLONE
from pipeline.retention.checkouts import idle, list_checkouts, list_held, list_locks, list_serving
from pipeline.retention.dvc_store import locked
from pipeline.runtime.locks import FOLDER, held, only_one

pytestmark = pytest.mark.services


def test_while_idle_is_held_no_run_begins(project: Path) -> None:
    """And while a run, a training or a command of DVC is at work, idle is refused."""
    refusal = StageError("refused")
    lock = Path("checkpoints/lock")
    with idle(Path()):
        assert list_held()
        for work in ("run", "noise"):
            with pytest.raises(StageError, match="under way"), only_one(work):
                pass
        status = subprocess.run(["dvc", "status"], capture_output=True, text=True)
        assert status.returncode and "lock" in status.stderr
    assert not list_held()
    for path in (FOLDER / "run.lock", FOLDER / "new.lock", lock):
        with held(path, refusal), pytest.raises(StageError, match=f"{path.name}: a run is under way"), idle(Path()):
            pass
    with locked(Path()), pytest.raises(StageError, match="DVC is busy"), idle(Path()):
        pass


@pytest.mark.parametrize("name", ["schedule", "stack"])
def test_servers_that_wait_for_work_hold_nothing_off(project: Path, name: str) -> None:
    """Their lock is held for months, and between two runs there is time to clean."""
    with only_one(name):
        assert not list_held()
        assert len(list_serving()) == 1
        with idle(Path()):
            assert FOLDER / f"{name}.lock" in list_locks()
    assert not list_serving()


def test_the_clone_of_scheduled_runs_is_a_checkout(project: Path) -> None:
    """Once it is a repository."""
    CLONE.mkdir(parents=True)
    assert list_checkouts() == [Path()]
    subprocess.run(["git", "init", "--quiet", CLONE], check=True)
    assert list_checkouts() == [Path(), CLONE]
