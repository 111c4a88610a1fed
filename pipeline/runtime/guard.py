"""Processes that end with the process that started them, even if that is killed with SIGKILL.

The id of a process's parent changes once the parent is gone. A command runs under this module (`python -m
pipeline.runtime.guard PARENT COMMAND ...`), which leads a process group of its own and kills the group.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from pipeline.errors import StageError
from pipeline.secrets import without_secrets

NUM_LAST_LINES = 12
INTERVAL_S = 0.1


class Guard:
    """Watches the process that started this one, `parent` by its id."""

    def __init__(self, parent: int | None = None) -> None:
        self.parent = os.getppid() if parent is None else parent

    def check(self) -> None:
        """Call it between two parts of a work that is kept in parts.

        Raises:
            StageError: the parent is gone.
        """
        if os.getppid() != self.parent:
            raise StageError(
                "the process that started this one is gone, so this one stopped; what was finished is kept, run the "
                "same command again to go on"
            )

    def watch(self, end: Callable[[], Any]) -> None:
        """Calls `end` in a thread once the parent is gone."""
        threading.Thread(target=self._wait, args=(end,), daemon=True).start()

    def _wait(self, end: Callable[[], Any]) -> None:
        while os.getppid() == self.parent:
            time.sleep(INTERVAL_S)
        end()


def end_with(parent: int) -> None:
    """Ends this process once its parent is gone: the initializer of pool workers, which would wait for ever."""
    Guard(parent).watch(lambda: os._exit(1))


def run_guarded(
    name: str,
    command: Sequence[str],
    on_line: Callable[[str], None],
    timeout_s: float | None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> None:
    """Runs a command to its end and passes on each line of its output as it comes.

    Args:
        name: of the work, for the message.
        command: see `started`, as for `environment` and `folder`.
        on_line: called with each line of stdout and stderr, without its end and without secrets.
        timeout_s: time after which the command and its children are killed; None: never.

    Raises:
        StageError: it took too long or its exit code is not 0; names the last lines.
    """
    last_lines: deque[str] = deque(maxlen=NUM_LAST_LINES)
    limit_s = threading.TIMEOUT_MAX if timeout_s is None else timeout_s
    deadline = time.monotonic() + limit_s
    with started(command, subprocess.PIPE, environment, folder) as child:
        timer = threading.Timer(limit_s, kill_group, args=(child,))
        timer.start()
        try:
            for line in child.stdout or ():
                last_lines.append(without_secrets(line.rstrip()))
                on_line(last_lines[-1])
            code = child.wait()
        finally:
            timer.cancel()
    if code and time.monotonic() >= deadline:
        raise StageError(f"{name} took longer than {limit_s:g} s and was stopped; give it more time and run again")
    if code:
        lines = "\n  ".join(last_lines)
        raise StageError(f"{name} ended with exit code {code}; fix what its last lines say and run again:\n  {lines}")


@contextmanager
def started(
    command: Sequence[str],
    output: int | IO[str] | None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Iterator[subprocess.Popen[str]]:
    """Starts a command; at the end of the block the command and all its children are killed.

    Args:
        command: program and arguments; a name without a folder is looked up next to this Python first.
        output: where stdout and stderr go, as `subprocess` takes it; None: where those of this process go.
        environment: variables to add to those of this process.
        folder: to run in; None: that of this process.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    variables = {**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1", **(environment or {})}
    with subprocess.Popen(
        [sys.executable, "-m", "pipeline.runtime.guard", str(os.getpid()), *command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=None if output is None else subprocess.STDOUT,
        env=variables,
        cwd=folder,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as child:
        try:
            yield child
        finally:
            kill_group(child)


def kill_group(child: subprocess.Popen[str]) -> None:
    """Kills a child that leads a process group, with all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def main() -> None:
    """Runs the command in the arguments; kills its own process group once the process PARENT is gone."""
    Guard(int(sys.argv[1])).watch(lambda: os.killpg(0, signal.SIGKILL))
    code = subprocess.run(sys.argv[2:], stdin=subprocess.DEVNULL, check=False).returncode
    sys.exit(code if code >= 0 else 128 - code)  # as a shell says "killed by a signal"


if __name__ == "__main__":
    main()
