"""Tests of flows/leash.py, with real processes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from flows.leash import run_on_leash, started_on_leash
from pipeline.errors import StageError
from tests.processes import TIMEOUT_S, is_alive, wait_for_end


def test_lines_come_while_the_command_runs(tmp_path: Path) -> None:
    """Each line of stdout and stderr is passed on as it comes: the command waits until its second one was heard."""
    came: list[str] = []

    def hear(line: str) -> None:
        came.append(line)
        if line == "second":
            (tmp_path / "heard").touch()

    script = 'echo first; echo second >&2; until [ -e "$0" ]; do sleep 0.1; done; echo third'
    lines = run_on_leash("work", ("sh", "-c", script, str(tmp_path / "heard")), hear, TIMEOUT_S)
    assert came == lines == ["first", "second", "third"]


def test_a_command_sees_this_python_first_and_what_is_added() -> None:
    """`python` is the one that runs us, and the environment is ours with the additions."""
    code = "import os, sys; print(sys.executable, os.environ['ADDED'])"
    lines = run_on_leash("work", ("python", "-c", code), print, TIMEOUT_S, {"ADDED": "yes"})
    assert Path(lines[0].split()[0]).resolve() == Path(sys.executable).resolve()
    assert lines[0].endswith(" yes")


@pytest.mark.parametrize(("script", "code"), [("echo why; exit 7", 7), ("echo why; kill -9 $$", 137)])
def test_a_failed_command_tells_its_last_lines(script: str, code: int) -> None:
    """The exit code and what the command said last are in the message."""
    with pytest.raises(StageError, match=rf"^work ended with exit code {code}; mend .* run again:\n  why$"):
        run_on_leash("work", ("sh", "-c", script), lambda _: None, TIMEOUT_S)


@pytest.mark.e2e
def test_a_command_that_takes_too_long_is_killed_with_its_children() -> None:
    """After the time limit nothing of the command is left."""
    pids: list[str] = []
    script = "sleep 60 & echo $!; sleep 60"
    with pytest.raises(StageError, match="work took longer than 5 s and was stopped"):
        run_on_leash("work", ("sh", "-c", script), pids.append, 5)
    wait_for_end(int(pids[0]))


def test_an_interrupt_kills_the_command_and_its_children() -> None:
    """Whatever ends the block ends all that was started in it."""
    with (
        pytest.raises(KeyboardInterrupt),
        started_on_leash(("sh", "-c", "sleep 60 & echo $!"), subprocess.PIPE) as child,
    ):
        assert child.stdout
        pid = int(child.stdout.readline())
        raise KeyboardInterrupt
    wait_for_end(pid)


def test_a_killed_parent_leaves_nothing_behind() -> None:
    """SIGKILL of the process that started a command ends the command and its children too."""
    code = (
        "import sys; from flows.leash import run_on_leash; "
        "run_on_leash('work', ('sh', '-c', 'sleep 60 & echo $!; sleep 60'), lambda line: print(line, flush=True), 60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
        os.kill(parent.pid, signal.SIGKILL)
        wait_for_end(pid)
