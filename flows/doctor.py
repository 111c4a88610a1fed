"""Checks a project for faults and for leftovers of interrupted work, and names the repair of each. Changes nothing."""

import fcntl
import os
import platform
import shlex
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.live_run import OPEN_RUN
from flows.server import KEY
from flows.start import check_data, check_disk
from pipeline.disk.files import md5_of, read_yaml
from pipeline.errors import SeglineError
from pipeline.registry.client import list_versions
from pipeline.registry.connection import SQLITE, shown_uri, tracking_uri
from pipeline.registry.lineage import DVC_LOCK, list_uncommitted_code, read_commit, read_data_version
from pipeline.registry.model_cache import CACHE
from pipeline.report.place import NEWEST
from pipeline.runtime.locks import FOLDER
from pipeline.runtime.stages import WORK
from pipeline.training.checkpoints import CHECKPOINTS

DVC_CACHE = Path(".dvc/cache/files/md5")
PROCESSES = Path("/proc")
NUM_NAMED = 5


@dataclass(frozen=True)
class Finding:
    """A line of the table: the place, its state, and how to repair it; `todo` is empty if all is well."""

    place: str
    state: str
    todo: str = ""


def show(findings: Sequence[Finding]) -> None:
    """Prints the findings as a table; ends the program with exit code 1 if something needs attention."""
    Console().print(build_table(findings))
    if any(finding.todo for finding in findings):
        sys.exit(1)


def examine() -> list[Finding]:
    """Looks at everything; an error of a look is a finding, too."""
    looks: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("machine", look_at_machine),
        ("git", look_at_git),
        ("data", look_at_data),
        ("DVC's cache", look_at_cache),
        ("MLflow", look_at_registry),
        ("at work", look_at_locks),
        ("work/", look_at_work),
        ("leftovers", look_for_leftovers),
    )
    findings: list[Finding] = []
    for place, look in looks:
        try:
            findings += look()
        except (SeglineError, OSError) as err:
            findings.append(Finding(place, "cannot be used", str(err)))
    return findings


def look_at_machine() -> Iterator[Finding]:
    """The version of Python, and room on the disk for a run."""
    yield Finding("Python", platform.python_version())
    free = f"{shutil.disk_usage('.').free / 1e9:.1f} GB free"
    try:
        check_disk()
        yield Finding("disk", free)
    except SeglineError as err:
        yield Finding("disk", free, str(err))


def look_at_git() -> Iterator[Finding]:
    """The commit, and code that it does not hold, files that git ignores included."""
    yield Finding("git", f"commit {read_commit()[:8]}")
    if files := list_uncommitted_code():
        todo = "commit them (git add, git commit) or undo the changes: registering takes committed code only"
        yield Finding("code", f"not as committed: {_some(files)}", todo)


def look_at_data() -> Iterator[Finding]:
    """Whether the data set is there and is the version in `data.dvc`; DVC itself would delete broken files."""
    check_data()
    path, md5 = read_data_version()
    if md5_of(Path(path)) == md5:
        yield Finding("data", "is the version in data.dvc")
    else:
        todo = "`dvc checkout data.dvc` or, to keep it, `dvc add data`"
        yield Finding("data", "is not the version in data.dvc", todo)


def look_at_cache() -> Iterator[Finding]:
    """Objects in DVC's cache whose content does not match their name."""
    objects = [path for path in sorted(DVC_CACHE.glob("[0-9a-f][0-9a-f]/*")) if path.is_file()]
    broken = [path for path in objects if md5_of(path) != path.parent.name + path.name.removesuffix(".dir")]
    if broken:
        todo = f"{_remove(broken)}; then `dvc pull` or run again"
        yield Finding("DVC's cache", f"{len(broken)} broken objects", todo)
    else:
        yield Finding("DVC's cache", f"{len(objects)} objects, all whole")


def look_at_registry() -> Iterator[Finding]:
    """Whether MLflow answers; a database in a file is only read."""
    uri = tracking_uri()
    file = Path(uri.removeprefix(SQLITE))
    if uri.startswith(SQLITE) and file.exists() and (fault := _fault_of(file)):
        away = shlex.join(["mv", str(file), f"{file}.broken"])
        yield Finding("MLflow", f"{shown_uri()}: {fault}", f"restore it, or begin a new one: `{away}`")
        return
    yield Finding("MLflow", f"{shown_uri()}: {len(list_versions())} versions")


def _fault_of(file: Path) -> str:
    """Why a database cannot be MLflow's; empty if it can."""
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as base:
            (state,) = base.execute("PRAGMA quick_check(1)").fetchone()
            has_version = base.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as err:
        return f"is not whole ({err})"
    return "" if state == "ok" and has_version else "is not whole (its making or a write was interrupted)"


def look_at_locks() -> Iterator[Finding]:
    """Locks of work that is under way."""
    for path in _held_locks():
        yield Finding("at work", f"{path} is held by a process; its outputs are not looked at")


def look_at_work() -> Iterator[Finding]:
    """Outputs that differ from `dvc.lock`, and files that no stage makes."""
    if not WORK.is_dir() or _held_locks():
        return
    locked = _locked_outputs()
    for path in sorted(WORK.iterdir()):
        if path.as_posix() not in locked and path != NEWEST and not path.name.startswith("."):
            todo = f"`dvc repro` makes it again, or {_remove([path])}"
            yield Finding(str(path), "is in no stage's output in dvc.lock", todo)
    for name, md5 in locked.items():
        path = Path(name)
        if path.exists() and md5_of(path) != md5:
            yield Finding(name, "is not as dvc.lock has it", f"`dvc checkout {name}`, or `dvc repro`")


def _locked_outputs() -> dict[str, str]:
    if not DVC_LOCK.exists():
        return {}
    content = read_yaml(DVC_LOCK, SeglineError, "run `dvc repro`")
    stages = content.get("stages") if isinstance(content, dict) else None
    outs = [out for stage in (stages or {}).values() for out in stage.get("outs", [])]
    return {out["path"]: out["md5"] for out in outs if "md5" in out}


def look_for_leftovers() -> Iterator[Finding]:
    """Leftovers of processes that were killed."""
    if _held_locks():
        return
    if parts := sorted(path for folder in (Path(), WORK, CHECKPOINTS, FOLDER) for path in _list_parts(folder)):
        yield Finding("leftovers", f"half-written: {_some([str(path) for path in parts])}", _remove(parts))
    if checkpoints := sorted(CHECKPOINTS.glob("train-*.npz")):
        todo = f"run again: it goes on from there if nothing has changed; else {_remove(checkpoints)}"
        yield Finding("checkpoints", f"{len(checkpoints)} of stopped trainings", todo)
    if OPEN_RUN.exists():
        yield Finding("MLflow", "a run of a killed process is open", "the next `segline run` ends it")
    for pid in _list_servers():
        yield Finding("Prefect", f"its server is left over as process {pid}", f"`kill {pid}`")


def _list_parts(folder: Path) -> Iterator[Path]:
    for pattern in (".*.part", ".*.old"):
        yield from folder.glob(pattern) if folder == Path() else folder.rglob(pattern)
    if folder == FOLDER:
        yield from CACHE.glob("tmp*")
        yield from KEY.parent.glob(KEY.name)


def _held_locks() -> list[Path]:
    """Locks that a living process holds."""
    return [path for path in (*sorted(FOLDER.glob("*.lock")), CHECKPOINTS / "lock") if path.exists() and _is_held(path)]


def _is_held(path: Path) -> bool:
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _list_servers() -> Iterator[int]:
    """Processes of Prefect's server that were started here; known on Linux only."""
    for folder in PROCESSES.glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            is_here = (folder / "cwd").readlink() == Path.cwd()
        except OSError:
            continue  # it has ended, or is another user's
        if is_here and b"server" in words and b"start" in words and any(word.endswith(b"prefect") for word in words):
            yield int(folder.name)


def build_table(findings: Sequence[Finding]) -> Table:
    """A row for each finding."""
    table = Table("what", "found", "what to do", title=escape(os.fspath(Path.cwd())), box=None)
    for finding in findings:
        table.add_row(escape(finding.place), escape(finding.state), escape(finding.todo) or "-")
    return table


def _remove(paths: Sequence[Path]) -> str:
    return f"`{shlex.join(['rm', '-rf', *map(str, paths[:NUM_NAMED])])}`" + (" and so on" if paths[NUM_NAMED:] else "")


def _some(names: Sequence[str]) -> str:
    rest = len(names) - NUM_NAMED
    return ", ".join(names[:NUM_NAMED]) + (f" and {rest} more" if rest > 0 else "")
