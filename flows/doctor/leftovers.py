"""Looks for leftovers of processes that were killed, in the project and in the clone of scheduled runs."""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import psutil

from flows.doctor.finding import Finding, rm
from flows.live_run import OPEN_RUN
from flows.server import KEY
from pipeline.disk.files import remove
from pipeline.registry.client import check_registry
from pipeline.registry.runs import close_run
from pipeline.repository.checkout import CLONE
from pipeline.retention.checkouts import idle, list_checkouts, list_held, list_serving
from pipeline.retention.place import changed_at
from pipeline.runtime.locks import FOLDER
from pipeline.runtime.stages import WORK
from pipeline.text import some
from pipeline.training.checkpoints import CHECKPOINTS

PART, OLD = ".part", ".old"
SETTLED_S = 600.0
"""A half-written file that did not change for so long is of no living process; an import holds no lock."""
END_S = 5.0
GUARD = "pipeline.runtime.guard"


def look_at_locks() -> Iterator[Finding]:
    """Servers that are up, and locks of work that is under way."""
    for what in list_serving():
        yield Finding("at work", what)
    for path in (path for checkout in list_checkouts() for path in list_held(checkout)):
        yield Finding("at work", f"a run is under way ({path} is held by a process); its outputs are not looked at")


def look_for_leftovers() -> Iterator[Finding]:
    """Leftovers of killed processes, in each checkout in which nothing is under way."""
    for checkout in list_checkouts():
        if not list_held(checkout):
            yield from _look_at_parts(checkout)
            yield from _look_at_checkpoints(checkout)
            yield from _look_at_run(checkout)
            yield from _look_at_prefect(checkout)


def _look_at_parts(checkout: Path) -> Iterator[Finding]:
    parts = sorted(_list_parts(checkout))
    last_copies = [path for path in parts if path.name.endswith(OLD) and not _target_of(path).exists()]
    for path in last_copies:
        todo = f"`mv {path} {_target_of(path)}`, or run the command that was killed again"
        yield Finding("leftovers", f"{_target_of(path)} is missing, its former content is {path}", todo)
    safe = [path for path in parts if not any(_target_of(path) == _target_of(last) for last in last_copies)]
    if safe:
        fix = partial(_remove_settled, checkout, safe)
        yield Finding("leftovers", f"half-written: {some([str(path) for path in safe])}", rm(safe), repair=fix)


def _list_parts(checkout: Path) -> Iterator[Path]:
    for suffix in (PART, OLD):
        yield from checkout.glob(f".*{suffix}")
        for folder in (WORK, CHECKPOINTS, FOLDER):
            found = (checkout / folder).rglob(f".*{suffix}")
            yield from (path for path in found if CLONE not in path.parents or checkout == CLONE)
    yield from (checkout / FOLDER / "models").glob("tmp*")


def _target_of(path: Path) -> Path:
    """What a half-written or former file is about to become, or was."""
    return path.with_name(path.name.removeprefix(".").removesuffix(PART).removesuffix(OLD))


def _remove_settled(checkout: Path, parts: Sequence[Path]) -> str:
    with idle(checkout):
        present = [path for path in parts if path.exists() or path.is_symlink()]
        settled = [path for path in present if time.time() - changed_at(path) > SETTLED_S]
        for path in settled:
            remove(path)
    young = f"; {len(present) - len(settled)} may still be written, they stay" if len(settled) < len(present) else ""
    return f"removed {some([str(path) for path in settled]) or 'nothing'}{young}"


def _look_at_checkpoints(checkout: Path) -> Iterator[Finding]:
    if checkpoints := sorted((checkout / CHECKPOINTS).glob("train-*")):
        todo = f"run again: it goes on from there if nothing has changed; else {rm(checkpoints)}"
        yield Finding("checkpoints", f"{len(checkpoints)} of stopped trainings", todo)


def _look_at_run(checkout: Path) -> Iterator[Finding]:
    if (checkout / OPEN_RUN).exists():
        fix = partial(_close_run, checkout)
        yield Finding("MLflow", "a run of a killed process is open", "the next `segline run` ends it", repair=fix)


def _close_run(checkout: Path) -> str:
    with idle(checkout):
        check_registry()
        if not close_run((checkout / OPEN_RUN).read_text()):
            return "nothing: MLflow fails"
        (checkout / OPEN_RUN).unlink()
    return "ended it"


def _look_at_prefect(checkout: Path) -> Iterator[Finding]:
    """Servers of ours that no command waits for, and the key of a server that is gone."""
    servers = list_servers(checkout)
    for server in servers:
        if not _is_guarded(server):
            state = f"its server is left over as process {server.pid}"
            yield Finding("Prefect", state, f"`kill {server.pid}`", repair=partial(_stop, server))
    key = checkout / KEY
    if key.exists() and not servers:
        fix = partial(_remove_key, checkout)
        yield Finding("Prefect", f"{key} is the key of a server that is gone", rm([key]), repair=fix)


def list_servers(checkout: Path) -> list[psutil.Process]:
    """Processes of Prefect's server that were started in a checkout."""
    return [process for process in psutil.process_iter() if _ask(process, partial(_is_server, checkout))]


def _is_server(checkout: Path, process: psutil.Process) -> bool:
    words = process.cmdline()
    is_server = "server" in words and "start" in words and any(word.endswith("prefect") for word in words)
    return is_server and GUARD not in words and Path(process.cwd()) == checkout.resolve()


def _is_guarded(process: psutil.Process) -> bool:
    """True if the guard lives that ends the server with the command that started it."""
    return any(GUARD in parent.cmdline() for parent in process.parents())


def _ask(process: psutil.Process, question: Callable[[psutil.Process], bool]) -> bool:
    try:
        return question(process)
    except (psutil.Error, OSError):
        return False  # it has ended, or is another user's


def _stop(server: psutil.Process) -> str:
    family = [server, *server.children(recursive=True)]
    for process in family:
        _ask(process, psutil.Process.terminate)
    _, alive = psutil.wait_procs(family, END_S)
    for process in alive:
        _ask(process, psutil.Process.kill)
    return f"ended process {server.pid}"


def _remove_key(checkout: Path) -> str:
    with idle(checkout):
        if list_servers(checkout):
            return "nothing: a server has begun"
        (checkout / KEY).unlink(missing_ok=True)
    return f"removed {checkout / KEY}"
