"""The registry's own file, `mlflow.db`: it appears whole, and what is wrong with one is said in words."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from importlib.metadata import version as version_of
from pathlib import Path

from pipeline.runtime.locks import waited

SQLITE = "sqlite:///"
UNFINISHED = ("duplicate column name", "already exists", "no such table", "no such column")
OTHER_MLFLOW = ("out-of-date database schema", "Can't locate revision")
KEPT = ("runs", "registered_models")
"""Tables that hold rows as soon as anything of value is in the registry."""


def find_file(uri: str) -> Path | None:
    """The file of an SQLite data base; None where MLflow is a server or another data base."""
    path = uri.removeprefix(SQLITE).partition("?")[0]
    return Path(path) if uri.startswith(SQLITE) and path else None


def make_file(path: Path, make: Callable[[str], None]) -> None:
    """Makes a data base that is not there, beside its place, and renames it when it is whole; of many at once one does.

    Args:
        path: of the file.
        make: writes the tables, given an address.
    """
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with waited(path.with_name(f"{path.name}.lock")):
        if path.exists():  # another process made it
            return
        beside = path.with_name(f"{path.name}.part")
        for leftover in path.parent.glob(f"{path.name}.part*"):  # of a process that was killed
            leftover.unlink()
        make(f"{SQLITE}{beside}")
        beside.replace(path)


def explain(path: Path, reason: str) -> str:
    """What MLflow said of a data base, with what that means and what to do."""
    if any(sign in reason for sign in OTHER_MLFLOW):
        return (
            f"{reason}. {path} was made by another MLflow than this one, {version_of('mlflow')}: install that one "
            f"here, or, if it is older, copy the file and run `mlflow db upgrade {SQLITE}{path}`"
        )
    if any(sign in reason for sign in UNFINISHED) and path.is_file():
        if _is_empty(path):
            return f"{reason}. {path} is unfinished, MLflow was stopped while it made it, and holds no run: delete it"
        return f"{reason}. {path} is damaged: put it back from a backup"
    return reason


def _is_empty(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as base:
            tables = {name for (name,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            return not any(base.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchone() for name in KEPT if name in tables)
    except sqlite3.Error:
        return False
