"""Tests of flows/team/stack.py with services that are small programs; tests/e2e/test_team.py runs the real ones."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from flows.team.compose import FINISHED, Service
from flows.team.stack import Stack, _remove_leftovers
from pipeline.errors import StageError
from pipeline.runtime.locks import held
from tests.processes import wait_for_end

pytestmark = pytest.mark.e2e
SLEEP = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"


def service(name: str, program: str, check: str = "", after: dict[str, str] | None = None) -> Service:
    """A service that is a Python program."""
    words = (sys.executable, "-c", check) if check else ()
    return Service(name, (sys.executable, "-c", program), {}, words, after or {}, {}, None)


@pytest.fixture
def ends() -> Iterator[ExitStack]:
    """Ends the services of a test."""
    with ExitStack() as ends:
        yield ends


def stack(folder: Path, ends: ExitStack, *services: Service) -> Stack:
    """A stack of the services."""
    return Stack({each.name: each for each in services}, folder, ends)


def pid_of(folder: Path, name: str) -> int:
    """The process that a service has printed last."""
    return int((folder / f"{name}.log").read_text().split()[-1])


def test_services_wait_for_those_that_they_need(tmp_path: Path, ends: ExitStack) -> None:
    """One that has to finish has finished; one that has to be healthy has passed its check; all end with the block."""
    made = tmp_path / "made"
    first = service("first", f"import time; time.sleep(0.3); open({str(made)!r}, 'w')")
    is_up = f"import sys; sys.exit('second' not in open({str(tmp_path / 'second.log')!r}).read())"
    second = service("second", f"open({str(made)!r}); print('second', flush=True); {SLEEP}", is_up, {"first": FINISHED})
    stack(tmp_path, ends, first, second).start()
    pid = pid_of(tmp_path, "second")
    ends.close()
    wait_for_end(pid)


def test_a_service_that_fails_is_reported(tmp_path: Path, ends: ExitStack) -> None:
    """The message has the exit code and the last lines."""
    with pytest.raises(StageError, match="broken ended with exit code 3; its last lines:\nno disk"):
        stack(
            tmp_path,
            ends,
            service("broken", "import sys; print('no disk', flush=True); sys.exit(3)", "raise SystemExit(1)"),
        ).start()


def test_a_service_that_ends_is_started_again(tmp_path: Path, ends: ExitStack) -> None:
    """One that has finished without an error is not."""
    once = service("once", "print('done')")
    waiting = f"import sys; sys.exit(not open({str(tmp_path / 'long.log')!r}).read())"
    long = service("long", SLEEP, waiting)
    both = stack(tmp_path, ends, once, long)
    both.start()
    assert both.repair() == []
    os.kill(pid_of(tmp_path, "long"), 9)
    while not (ended := both.repair()):
        pass
    assert ended == ["long"]


def test_folders_of_killed_stacks_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of a living one stays, and what is no stack's."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for name in ("segline-stack-dead", "segline-stack-alive", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "lock").touch()
    with held(tmp_path / "segline-stack-alive/lock", StageError("in use")):
        _remove_leftovers()
    assert {path.name for path in tmp_path.iterdir()} == {"segline-stack-alive", "other"}
