"""Tests of pipeline/runtime/locks.py."""

import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import pytest

from pipeline.errors import StageError, TrainingError
from pipeline.runtime.locks import held, is_held, only_one, waited

REFUSAL = TrainingError("somebody trains; wait")
HOLD = (
    "import pathlib, sys; from pipeline.runtime.locks import held\n"
    "with held(pathlib.Path(sys.argv[1]), ValueError()): print('held', flush=True); input()"
)
HOLD_RUN = "from pipeline.runtime.locks import only_one\nwith only_one('run'): print('held', flush=True); input()"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder as the current one."""
    monkeypatch.chdir(tmp_path)


def test_a_lock_is_refused_until_its_holder_is_killed(tmp_path: Path) -> None:
    """The refusal is the one that was given, reported at once; the file stays, the lock does not."""
    path = tmp_path / "new/folder/lock"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdin=-1, stdout=-1, text=True) as other:
        assert other.stdout and other.stdout.readline() == "held\n"
        with pytest.raises(TrainingError, match="somebody trains; wait"), held(path, REFUSAL):
            pass
        other.kill()
        other.wait()
        with held(path, REFUSAL):
            assert path.exists()


def test_a_lock_ends_with_its_block(tmp_path: Path) -> None:
    """In one process, too, a second holder is refused; a block that raises lets go."""
    path = tmp_path / "lock"
    with pytest.raises(RuntimeError), held(path, REFUSAL):
        with pytest.raises(TrainingError, match="somebody trains"), held(path, REFUSAL):
            pass
        raise RuntimeError
    with held(path, REFUSAL):
        pass


def test_other_locks_are_free(tmp_path: Path) -> None:
    """A lock holds up nobody but those who want the same file."""
    with held(tmp_path / "one", REFUSAL), held(tmp_path / "two", REFUSAL):
        assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


def test_lock_is_waited_for(tmp_path: Path) -> None:
    """Of two threads one waits until the other has ended."""
    order = []

    def work(name: str) -> None:
        with waited(tmp_path / "lock"):
            order.append(name)
            time.sleep(0.05)
            order.append(name)

    threads = [Thread(target=work, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert order in (["a", "a", "b", "b"], ["b", "b", "a", "a"])


def test_the_second_is_refused_until_the_first_is_killed(here: None) -> None:
    """While another process holds the lock it is refused at once; the lock ends with its holder, however that ends."""
    with subprocess.Popen([sys.executable, "-c", HOLD_RUN], stdin=-1, stdout=-1, text=True) as other:
        assert other.stdout and other.stdout.readline() == "held\n"
        with (
            pytest.raises(StageError, match="another `segline run` is under way in .*; wait for its end"),
            only_one("run"),
        ):
            pass
        other.kill()
        other.wait()
        with only_one("run"):
            pass


def test_other_work_is_not_held_up(here: None) -> None:
    """A schedule that waits for its hour does not hold the lock of a run."""
    with only_one("schedule"), only_one("run"):
        assert sorted(path.name for path in Path(".segline").iterdir()) == ["run.lock", "schedule.lock"]


def test_a_look_at_a_lock_takes_it_from_nobody(tmp_path: Path) -> None:
    """It says whether the lock is held."""
    path = tmp_path / "lock"
    with held(path, REFUSAL):
        assert is_held(path) and is_held(path)
    assert not is_held(path)
