"""Opens MLflow and translates its errors. `client.py`, `runs.py` and `old_runs.py` alone use `opened`: the door.

MLFLOW_TRACKING_URI says where MLflow is; the default is `mlflow.db` and `mlartifacts/` in the project's folder.
"""

import logging
import math
import os
import sqlite3
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

from pipeline.disk.files import FULL, is_full
from pipeline.errors import RegistryError
from pipeline.runtime.environment import QUIET, set_defaults
from pipeline.runtime.locks import waited
from pipeline.secrets import without_secrets

SQLITE = "sqlite:///"
UNFINISHED = ("duplicate column name", "already exists", "no such table", "no such column")
OTHER_MLFLOW = ("out-of-date database schema", "Can't locate revision")
FILLED = ("runs", "registered_models")  # tables that hold rows as soon as anything of value is there
MLFLOW_QUIET = {
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
PATIENT = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "60", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2"}
ANSWER_S = 30.0
"""A server that answered so lately is not asked again whether it is there; each time it would check a password."""
HASTY = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "5", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
SLOW = "(Caused by ReadTimeoutError("
"""In the message of an error if the server took the connection and did not answer in time."""

_answered: dict[str, float] = {}
"""When servers answered last, by address."""


def tracking_uri() -> str:
    """Address of the MLflow server or database."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"{SQLITE}mlflow.db"


def set_absolute_uri() -> None:
    """Names the registry so in the environment that it is the same from every folder."""
    uri = tracking_uri()
    if (file := find_file(uri)) and not file.is_absolute():
        uri = uri.replace(str(file), str(file.absolute()), 1)
    os.environ["MLFLOW_TRACKING_URI"] = uri


def local_artifacts() -> Path:
    """Folder of the files of runs, if MLflow is not a server: next to the database's file."""
    file = find_file(tracking_uri())
    return (file.parent if file else Path()).resolve() / "mlartifacts"


def shown_uri() -> str:
    """The address without user name and password, for messages."""
    return without_secrets(tracking_uri())


def is_server() -> bool:
    """True if MLflow is a server, not a database that this process opens."""
    return tracking_uri().startswith(("http://", "https://"))


@contextmanager
def opened(todo: str = "run the same command again", patient: bool = True) -> Iterator[tuple[Any, Any]]:
    """Gives the package `mlflow` and its client. Translates what MLflow raises and hides its warnings.

    Args:
        todo: the advice at the end of an error message.
        patient: False sends each request once, with a timeout of 5 s.

    Raises:
        RegistryError: the server takes no connection within 5 s, or MLflow fails in the block.
    """
    set_defaults(QUIET | MLFLOW_QUIET)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow
        from mlflow.store.db import utils
        from sqlalchemy.exc import SQLAlchemyError

        utils.MAX_RETRY_COUNT = 3  # the default of 10 waits two minutes for a database that does not exist
        logging.getLogger("alembic").setLevel(logging.WARNING)
        logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # it prints each error that it raises
        logging.getLogger("mlflow.utils.environment").setLevel(logging.ERROR)  # it warns if uv installed no pip
        try:
            with _environment(HASTY | {"MLFLOW_TRACKING_URI": tracking_uri()}):
                if file := find_file(tracking_uri()):
                    make_file(file, lambda uri: _make_tables(utils, uri))
                mlflow.set_tracking_uri(tracking_uri())
                client = mlflow.MlflowClient()
                if patient and is_server():
                    _check_answer(client)
            with _environment(PATIENT if patient else HASTY):
                yield mlflow, client
        except (mlflow.exceptions.MlflowException, SQLAlchemyError, ImportError, OSError) as err:
            raise RegistryError(
                f"MLflow at {shown_uri()} fails: {_reason_of(err)}; nothing is lost, fix that and {todo}"
            ) from err


def _check_answer(client: Any) -> None:
    """Fails soon if nobody takes a connection; a server that takes it and is slow is waited for by what comes next."""
    from mlflow.exceptions import MlflowException

    uri = tracking_uri()
    if time.monotonic() - _answered.get(uri, -math.inf) > ANSWER_S:
        try:
            client.search_experiments(max_results=1)
        except MlflowException as err:
            if SLOW not in str(err):
                raise
        else:
            _answered[uri] = time.monotonic()


def _reason_of(err: Exception) -> str:
    if is_full(err):
        return FULL
    text = str(err).partition("\n")[0]
    reason = text.partition("(Caused by ")[2].removesuffix(")") or text
    if "error code 401" in text or "error code 403" in text:
        return f"{reason} (it asks for MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or these are wrong)"
    return explain(file, reason) if (file := find_file(tracking_uri())) else reason


@contextmanager
def _environment(defaults: Mapping[str, str]) -> Iterator[None]:
    """Sets those of the variables that are not set, for the block."""
    added = defaults.keys() - os.environ.keys()
    set_defaults(defaults)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def find_file(uri: str) -> Path | None:
    """The file of an SQLite database; None for a server or another database."""
    path = uri.removeprefix(SQLITE).partition("?")[0]
    return Path(path) if uri.startswith(SQLITE) and path else None


def make_file(path: Path, make: Callable[[str], None]) -> None:
    """Makes a missing database under another name and renames it when it is whole; one process of many makes it.

    Args:
        make: writes the tables to an address.
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


def _make_tables(utils: Any, uri: str) -> None:
    engine = utils.create_sqlalchemy_engine(uri)
    try:
        utils._initialize_tables(engine)
    finally:
        engine.dispose()


def explain(path: Path, reason: str) -> str:
    """MLflow's error message about a database, with its cause and what to do."""
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
            filled = (name for name in FILLED if name in tables)
            return not any(base.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchone() for name in filled)
    except sqlite3.Error:
        return False
