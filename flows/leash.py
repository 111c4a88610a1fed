"""Children that never outlive the process that started them, even when that is killed with SIGKILL.

A child runs under this module (`python -m flows.leash COMMAND ...`), which leads a process group of its own and reads
standard input. That is a pipe whose other end only the starting process holds: when it closes, the group is killed.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pipeline.errors import StageError

NUM_LAST_LINES = 12


def run_on_leash(
    name: str,
    command: Sequence[str],
    on_line: Callable[[str], None],
    timeout_s: float,
    environment: Mapping[str, str] | None = None,
) -> list[str]:
    """Runs a command to its end and passes on each line of its output as it comes.

    Args:
        name: of the work, for the message.
        command: program and arguments.
        on_line: gets each line of stdout and stderr, without its end.
        timeout_s: time after which the command and its children are killed.
        environment: variables to add to those of this process.

    Returns:
        The last lines of the output.

    Raises:
        StageError: it took too long or ended with another exit code than 0; names the last lines.
    """
    last_lines: deque[str] = deque(maxlen=NUM_LAST_LINES)
    deadline = time.monotonic() + timeout_s
    with started_on_leash(command, subprocess.PIPE, environment) as child:
        timer = threading.Timer(timeout_s, kill_group, args=(child,))
        timer.start()
        try:
            for line in child.stdout or ():
                last_lines.append(line.rstrip())
                on_line(line.rstrip())
            code = child.wait()
        finally:
            timer.cancel()
    if code and time.monotonic() >= deadline:
        raise StageError(f"{name} took longer than {timeout_s:g} s and was stopped; give it more time and run again")
    if code:
        lines = "\n  ".join(last_lines)
        raise StageError(f"{name} ended with exit code {code}; mend what its last lines say and run again:\n  {lines}")
    return list(last_lines)


@contextmanager
def started_on_leash(
    command: Sequence[str], output: int | IO[str] | None, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Starts a command for as long as the block lasts; at its end the command and all its children are killed.

    Args:
        command: program and arguments; a name without a folder is looked up beside this Python first.
        output: where stdout and stderr go, as `subprocess` takes it; None: where those of this process go.
        environment: variables to add to those of this process.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    variables = {**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1", **(environment or {})}
    with subprocess.Popen(
        [sys.executable, "-m", "flows.leash", *command],
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=None if output is None else subprocess.STDOUT,
        env=variables,
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
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def main() -> None:
    """Runs the command in the arguments; kills the own process group when standard input ends."""
    threading.Thread(target=_kill_own_group_at_end_of, args=(sys.stdin.fileno(),), daemon=True).start()
    code = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, check=False).returncode
    sys.exit(code if code >= 0 else 128 - code)  # as a shell says "killed by a signal"


def _kill_own_group_at_end_of(leash: int) -> None:
    while os.read(leash, 1):
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
