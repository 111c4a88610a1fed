"""Tests of pipeline/runtime/locks.py."""

import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import pytest

from pipeline.errors import TrainingError
from pipeline.runtime.locks import held, waited

REFUSAL = TrainingError("somebody trains; wait")
HOLD = (
    "import pathlib, sys; from pipeline.runtime.locks import held\n"
    "with held(pathlib.Path(sys.argv[1]), ValueError()): print('held', flush=True); input()"
)


def test_a_lock_is_refused_until_its_holder_is_killed(tmp_path: Path) -> None:
    """The refusal is the one that was given, told at once; the file stays, the lock does not."""
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
