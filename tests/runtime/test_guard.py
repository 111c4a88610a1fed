"""Tests of pipeline/runtime/guard.py, with real processes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import StageError
from pipeline.runtime.guard import Guard, run_guarded, started
from tests.conftest import ROOT
from tests.processes import TIMEOUT_S, is_alive, wait_for_end


def test_lines_come_while_the_command_runs(tmp_path: Path) -> None:
    """Each line of stdout and stderr is passed on as it comes: the command waits until its second one was heard."""
    came: list[str] = []

    def hear(line: str) -> None:
        came.append(line)
        if line == "second":
            (tmp_path / "heard").touch()

    script = 'echo first; echo second >&2; until [ -e "$0" ]; do sleep 0.1; done; echo third'
    run_guarded("work", ("sh", "-c", script, str(tmp_path / "heard")), hear, TIMEOUT_S)
    assert came == ["first", "second", "third"]


def test_a_command_sees_this_python_first_and_what_is_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`python` is the one that runs us, the environment is ours with the additions, the folder is the one given."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    code = "import os, sys; print(sys.executable, os.getcwd(), os.environ['ADDED'])"
    lines: list[str] = []
    run_guarded("work", ("python", "-c", code), lines.append, None, {"ADDED": "yes"}, tmp_path)
    assert Path(lines[0].split()[0]).resolve() == Path(sys.executable).resolve()
    assert lines[0].endswith(f" {tmp_path} yes")


def test_no_secret_of_a_command_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stage that prints its environment, or a library's error with an address, tells no log a password."""
    monkeypatch.setenv("SEGLINE_LEDGER_KEY", "0123456789abcdef")
    monkeypatch.setenv("SEGLINE_NOTIFY_URL", "https://hooks.example.org/0123/token")
    lines: list[str] = []
    script = "echo $SEGLINE_LEDGER_KEY; echo to $SEGLINE_NOTIFY_URL; echo http://me:word@host/path; exit 1"
    with pytest.raises(StageError):
        run_guarded("work", ("sh", "-c", script), lines.append, TIMEOUT_S)
    assert lines == ["***", "to ***", "http://host/path"]


@pytest.mark.parametrize(("script", "code"), [("echo why; exit 7", 7), ("echo why; kill -9 $$", 137)])
def test_a_failed_command_tells_its_last_lines(script: str, code: int) -> None:
    """The exit code and what the command said last are in the message."""
    with pytest.raises(StageError, match=rf"^work ended with exit code {code}; fix .* run again:\n  why$"):
        run_guarded("work", ("sh", "-c", script), lambda _: None, TIMEOUT_S)


@pytest.mark.e2e
def test_a_command_that_takes_too_long_is_killed_with_its_children() -> None:
    """After the time limit nothing of the command is left."""
    pids: list[str] = []
    script = "sleep 60 & echo $!; sleep 60"
    with pytest.raises(StageError, match="work took longer than 5 s and was stopped"):
        run_guarded("work", ("sh", "-c", script), pids.append, 5)
    wait_for_end(int(pids[0]))


def test_an_interrupt_kills_the_command_and_its_children() -> None:
    """Whatever ends the block ends all that was started in it."""
    with (
        pytest.raises(KeyboardInterrupt),
        started(("sh", "-c", "sleep 60 & echo $!"), subprocess.PIPE) as child,
    ):
        assert child.stdout
        pid = int(child.stdout.readline())
        raise KeyboardInterrupt
    wait_for_end(pid)


def test_a_killed_parent_leaves_nothing_behind() -> None:
    """SIGKILL of the process that started a command ends the command and its children too."""
    code = (
        "import sys; from pipeline.runtime.guard import run_guarded; "
        "run_guarded('work', ('sh', '-c', 'sleep 60 & echo $!; sleep 60'), lambda line: print(line, flush=True), 60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
        os.kill(parent.pid, signal.SIGKILL)
        wait_for_end(pid)


def test_work_stops_between_two_parts_once_the_parent_is_gone() -> None:
    """While the parent lives, nothing is said; a guard of a process that is not the parent says how to go on."""
    Guard().check()
    with pytest.raises(StageError, match="the process that started this one is gone, .* run the same command again"):
        Guard(os.getpid()).check()


def test_a_process_ends_with_its_parent(tmp_path: Path) -> None:
    """A process of a pool that waits for work ends once the process that started the pool is killed."""
    code = (
        "import multiprocessing, os; from concurrent.futures import ProcessPoolExecutor\n"
        "from pipeline.runtime.guard import end_with\n"
        "if __name__ == '__main__':\n"
        "    spawn = multiprocessing.get_context('spawn')\n"
        "    pool = ProcessPoolExecutor(1, mp_context=spawn, initializer=end_with, initargs=(os.getpid(),))\n"
        "    print(pool.submit(os.getpid).result(), flush=True)\n"
        "    input()\n"
    )
    (tmp_path / "pool.py").write_text(code)
    command = [sys.executable, str(tmp_path / "pool.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
        parent.kill()
        wait_for_end(pid)
