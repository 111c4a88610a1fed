"""Tests of flows/leash.py, with real processes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flows.leash import run_on_leash, started_on_leash
from pipeline.errors import StageError

TIMEOUT_S = 30.0


def _is_alive(pid: int) -> bool:
    """False for a process that is gone or waits only to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for_end(pid: int) -> None:
    """Waits until a process is gone; fails where it stays."""
    deadline = time.monotonic() + TIMEOUT_S
    while _is_alive(pid):
        assert time.monotonic() < deadline, f"process {pid} lives on"
        time.sleep(0.02)


def test_lines_come_while_the_command_runs() -> None:
    """Each line of stdout and stderr is passed on as it comes, not at the end."""
    came: list[tuple[str, float]] = []
    script = "echo first; echo second >&2; sleep 0.5; echo third"
    lines = run_on_leash("work", ("sh", "-c", script), lambda line: came.append((line, time.monotonic())), TIMEOUT_S)
    assert [line for line, _ in came] == lines == ["first", "second", "third"]
    assert came[2][1] - came[1][1] > 0.4


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


def test_a_command_that_takes_too_long_is_killed_with_its_children() -> None:
    """After the time limit nothing of the command is left."""
    pids: list[str] = []
    script = "sleep 60 & echo $!; sleep 60"
    with pytest.raises(StageError, match="work took longer than 0.5 s and was stopped"):
        run_on_leash("work", ("sh", "-c", script), pids.append, 0.5)
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
        assert _is_alive(pid)
        os.kill(parent.pid, signal.SIGKILL)
        wait_for_end(pid)
