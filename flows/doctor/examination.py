"""Looks at everything, each look within a limit of time, and shows what was found."""

import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.doctor import leftovers, machine, packages, project, publication, servers
from flows.doctor.finding import Finding
from pipeline.errors import SeglineError
from pipeline.text import printable

Look = Callable[[], Iterator[Finding]]
SHORT_S, LONG_S = 15.0, 900.0
"""Limits of a look: a dead server costs seconds, the MD5s of a large data set take minutes."""
LOOKS: tuple[tuple[str, Look, float], ...] = (
    ("machine", machine.look_at_machine, SHORT_S),
    ("GPU", machine.look_at_gpus, SHORT_S),
    ("TensorFlow", machine.look_at_tensorflow, SHORT_S),
    ("packages", packages.look_at_packages, SHORT_S),
    ("git", project.look_at_git, SHORT_S),
    ("data", project.look_at_data, LONG_S),
    ("DVC's cache", project.look_at_cache, LONG_S),
    ("DVC's remote", servers.look_at_remote, SHORT_S),
    ("S3", servers.look_at_s3, SHORT_S),
    ("Prefect", servers.look_at_prefect, SHORT_S),
    ("Dask", servers.look_at_dask, SHORT_S),
    ("MLflow", servers.look_at_registry, SHORT_S),
    ("publication", publication.look_at_publication, SHORT_S),
    ("clock", servers.look_at_clock, SHORT_S),
    ("at work", leftovers.look_at_locks, SHORT_S),
    ("work/", project.look_at_work, LONG_S),
    ("leftovers", leftovers.look_for_leftovers, SHORT_S),
)


def examine(fix: bool = False) -> list[Finding]:
    """Looks at everything; an error of a look is a finding, too. With `fix`, repairs what is safe to repair."""
    findings = [finding for place, look, limit_s in LOOKS for finding in within(place, look, limit_s)]
    return [_repaired(finding) for finding in findings] if fix else findings


def within(place: str, look: Look, limit_s: float) -> list[Finding]:
    """The findings of a look, or one that says that the look failed or took too long; that is left to itself."""
    results: list[list[Finding]] = []
    thread = threading.Thread(target=lambda: results.append(_findings_of(place, look)), daemon=True)
    thread.start()
    thread.join(limit_s)
    with suppress(IndexError):
        return results[0]
    todo = "repair the network, the disk or the server that it waits for, and look again"
    return [Finding(place, f"no answer within {limit_s:g} s", todo)]


def _findings_of(place: str, look: Look) -> list[Finding]:
    try:
        return list(look())
    except (SeglineError, OSError) as err:
        return [Finding(place, "cannot be used", str(err))]
    except Exception as err:  # the other looks may say why
        return [Finding(place, f"cannot be looked at ({type(err).__name__})", printable(str(err)) or "look again")]


def _repaired(finding: Finding) -> Finding:
    if not finding.repair:
        return finding
    try:
        return replace(finding, todo="", done=finding.repair())
    except (SeglineError, OSError) as err:
        return replace(finding, todo=f"not repaired: {err}; {finding.todo}")


def show(findings: Sequence[Finding]) -> None:
    """Prints the findings as a table; ends the program with exit code 1 if something needs attention."""
    Console().print(build_table(findings))
    if any(finding.todo for finding in findings):
        sys.exit(1)


def build_table(findings: Sequence[Finding]) -> Table:
    """A row for each finding; what needs attention is red."""
    table = Table("what", "found", "what to do", title=escape(os.fspath(Path.cwd())), box=None)
    for finding in findings:
        todo = finding.todo or (f"done: {finding.done}" if finding.done else "-")
        table.add_row(escape(finding.place), escape(finding.state), escape(todo), style="red" if finding.todo else None)
    return table
