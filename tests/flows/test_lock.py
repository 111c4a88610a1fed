"""Tests of flows/lock.py."""

import subprocess
import sys
from pathlib import Path

import pytest

from flows.lock import only_one
from pipeline.errors import StageError

HOLD = "from flows.lock import only_one\nwith only_one('run'): print('held', flush=True); input()"


def test_the_second_is_refused_until_the_first_is_killed(project: Path) -> None:
    """While another process holds the lock it is refused at once; the lock ends with its holder, however that ends."""
    with subprocess.Popen([sys.executable, "-c", HOLD], stdin=-1, stdout=-1, text=True) as other:
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


def test_other_work_is_not_held_up(project: Path) -> None:
    """A schedule that waits for its hour does not hold the lock of a run."""
    with only_one("schedule"), only_one("run"):
        assert sorted(path.name for path in Path(".segline").iterdir()) == ["run.lock", "schedule.lock"]
