"""The one door to MLflow: model versions, their aliases and files, and the run that a training reports to.

Where it is comes from the environment: MLFLOW_TRACKING_URI, else `mlflow.db` and `mlartifacts/` in the project's
folder; SEGLINE_MODEL_NAME and SEGLINE_EXPERIMENT, else "segline".
"""

import logging
import os
import re
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import Any

from pipeline.disk.files import FULL, is_full
from pipeline.errors import RegistryError
from pipeline.registry.database import SQLITE, explain, find_file, make_file
from pipeline.registry.model_reference import parse_reference
from pipeline.runtime.environment import QUIET, set_defaults
from pipeline.secrets import without_secrets
from pipeline.text import shown

LOCAL_ARTIFACTS = Path("mlartifacts")
CHALLENGER, CHAMPION, PREVIOUS = "challenger", "champion", "previous"
NUMBER = r"[0-9]{1,10}"
OPEN = "RUNNING"  # the status of a run that nobody has ended
MLFLOW_QUIET = {
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
PATIENT = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "60", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2"}
HASTY = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "5", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}

_lost_runs: set[str] = set()


@dataclass(frozen=True)
class Version:
    """A version of a registered model.

    Attributes:
        name: of the registered model.
        number: 1, 2, ...
        run_id: the MLflow run that holds its record.
        aliases: those that point to it, sorted.
        tags: as registered, and as later decisions added.
        created: when it was registered; None: MLflow does not know.
    """

    name: str
    number: int
    run_id: str
    aliases: tuple[str, ...]
    tags: Mapping[str, str]
    created: datetime | None

    def __str__(self) -> str:
        return f"{self.name}/{self.number}"


def tracking_uri() -> str:
    """Address of the MLflow server or data base."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"{SQLITE}mlflow.db"


def shown_uri() -> str:
    """The address without user name and password, for messages."""
    return without_secrets(tracking_uri())


def model_name() -> str:
    """Name of the registered model.

    Raises:
        RegistryError: MLflow could not take it for a name.
    """
    name = os.environ.get("SEGLINE_MODEL_NAME") or "segline"
    if not re.fullmatch(r"[\w. -]+", name):
        raise RegistryError(f"SEGLINE_MODEL_NAME is {name!r}; expected letters, digits, spaces and . _ - only")
    return name


@contextmanager
def opened(todo: str = "run the same command again", patient: bool = True) -> Iterator[tuple[Any, Any]]:
    """Gives the package `mlflow` and its client; what MLflow raises is translated, what it warns of is not shown.

    Args:
        todo: what to do when MLflow is there again, for the message.
        patient: False for what must not wait: no request is repeated, and each has 5 s.

    Raises:
        RegistryError: nobody answers within 5 s, or MLflow fails in the block.
    """
    set_defaults(QUIET | MLFLOW_QUIET)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow
        from mlflow.store.db import utils
        from sqlalchemy.exc import SQLAlchemyError

        utils.MAX_RETRY_COUNT = 3  # 10 would wait for two minutes for a data base that is not there
        logging.getLogger("alembic").setLevel(logging.WARNING)
        logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # it prints what it raises, too
        logging.getLogger("mlflow.utils.environment").setLevel(logging.ERROR)  # it misses pip in an environment of uv's
        try:
            with _environment(HASTY | {"MLFLOW_TRACKING_URI": tracking_uri()}):
                if file := find_file(tracking_uri()):
                    make_file(file, lambda uri: _make_tables(utils, uri))
                mlflow.set_tracking_uri(tracking_uri())
                client = mlflow.MlflowClient()
                if patient and _is_server():
                    client.search_experiments(max_results=1)
            with _environment(PATIENT if patient else HASTY):
                yield mlflow, client
        except (mlflow.exceptions.MlflowException, SQLAlchemyError, ImportError, OSError) as err:
            text = str(err).partition("\n")[0]
            reason = text.partition("(Caused by ")[2].removesuffix(")") or text
            reason = explain(file, reason) if (file := find_file(tracking_uri())) else reason
            reason = FULL if is_full(err) else reason
            raise RegistryError(
                f"MLflow at {shown_uri()} fails: {reason}; nothing is lost, mend that and {todo}"
            ) from err


def list_versions(name: str = "") -> list[Version]:
    """Every version of a model (of ours where none is named), oldest first; none where no data base is made yet.

    Raises:
        RegistryError: MLflow cannot be reached.
    """
    name = name or model_name()
    if _is_not_made_yet():
        return []
    with opened() as (_, client):
        models = client.search_registered_models(f"name = '{name}'")
        rows: list[Any] = []
        token = None
        while models and token != "":
            page = client.search_model_versions(f"name = '{name}'", page_token=token)
            rows, token = [*rows, *page], page.token or ""
        aliases = models[0].aliases if models else {}
    return sorted((to_version(row, aliases) for row in rows), key=lambda version: version.number)


def find_alias(alias: str) -> Version | None:
    """The version of our model that an alias points to, if any."""
    return next((version for version in list_versions() if alias in version.aliases), None)


def find_version(text: str) -> Version:
    """The version that a person means, see `parse_reference`.

    Raises:
        RegistryError: there is none; the message lists what there is.
    """
    reference = parse_reference(text, model_name())
    versions = list_versions(reference.name)
    for version in versions:
        if version.number == reference.number or reference.alias in version.aliases:
            return version
    known = ", ".join(f"{v}{''.join(f' @{alias}' for alias in v.aliases)}" for v in versions) or "none"
    raise RegistryError(f"{reference}: not found in MLflow at {shown_uri()}; registered of {reference.name}: {known}")


def set_alias(alias: str, version: Version) -> None:
    """Points an alias to a version; it leaves the one it was at."""
    with opened() as (_, client):
        client.set_registered_model_alias(version.name, alias, str(version.number))


def set_tags(version: Version, tags: Mapping[str, str]) -> None:
    """Adds tags to a version."""
    with opened() as (_, client):
        for name, value in tags.items():
            client.set_model_version_tag(version.name, str(version.number), name, value)


def start_run() -> str | None:
    """Opens a run that a training reports to; None, and a warning, where MLflow cannot be reached."""
    try:
        with opened() as (_, client):
            return create_run(client)
    except RegistryError as err:
        _warn(f"no live metrics: {err}")
        return None


def close_run(run_id: str) -> None:
    """Ends a run as failed where nobody has ended it; of a registry that cannot be reached it only warns."""
    try:
        with opened() as (_, client):
            if client.get_run(run_id).info.status == OPEN:
                client.set_terminated(run_id, "FAILED")
    except RegistryError as err:
        _warn(f"the run {run_id} stays open: {err}")


def log_epoch(run_id: str, metrics: Mapping[str, float], step: int) -> None:
    """Sends one epoch's metrics to a run; after the first failure nothing more is sent to it."""
    if run_id in _lost_runs:
        return
    try:
        with opened(patient=False) as (mlflow, client):
            client.log_batch(run_id, metrics=to_metrics(mlflow, metrics, step))
    except RegistryError as err:
        _lost_runs.add(run_id)
        _warn(f"training goes on without live metrics, registering adds them: {err}")


def create_run(client: Any) -> str:
    """Opens a run in our experiment, which is made where it is missing, and gives the run's id."""
    name = os.environ.get("SEGLINE_EXPERIMENT") or "segline"
    if client.get_experiment_by_name(name) is None:
        with suppress(Exception):  # another process made it meanwhile; anything else the next lines tell
            client.create_experiment(name, None if _is_server() else str(LOCAL_ARTIFACTS.resolve()))
    return str(client.create_run(client.get_experiment_by_name(name).experiment_id).info.run_id)


def to_metrics(mlflow: Any, metrics: Mapping[str, float], step: int) -> list[Any]:
    """As MLflow takes them; what is not finite is left out."""
    now_ms = int(time.time() * 1000)
    finite = {name: float(value) for name, value in metrics.items() if isfinite(value)}
    return [mlflow.entities.Metric(name, value, now_ms, step) for name, value in finite.items()]


def to_version(row: Any, aliases: Mapping[str, Any]) -> Version:
    """From MLflow's own kind of version, and the numbers that the model's aliases point to.

    Raises:
        RegistryError: the version has no number.
    """
    if not re.fullmatch(NUMBER, str(row.version)):
        raise RegistryError(
            f"{row.name}: MLflow has a version {shown(str(row.version))!r}, expected a number; delete it"
        )
    number = int(row.version)
    mine = tuple(sorted(str(alias) for alias, at in aliases.items() if str(at) == str(number)))
    tags = {str(name): str(value) for name, value in row.tags.items() if value is not None}
    return Version(row.name, number, str(row.run_id or ""), mine, tags, _to_time(row.creation_timestamp))


def _to_time(stamp_ms: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(stamp_ms / 1000, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _is_server() -> bool:
    return tracking_uri().startswith(("http://", "https://"))


def _is_not_made_yet() -> bool:
    """Reading makes no data base."""
    return (file := find_file(tracking_uri())) is not None and not file.exists()


def _make_tables(utils: Any, uri: str) -> None:
    engine = utils.create_sqlalchemy_engine(uri)
    try:
        utils._initialize_tables(engine)
    finally:
        engine.dispose()


def _warn(message: str) -> None:
    print(f"warning: {message}", file=sys.stderr, flush=True)


@contextmanager
def _environment(defaults: Mapping[str, str]) -> Iterator[None]:
    """Sets environment variables that nobody has set, for the block."""
    added = defaults.keys() - os.environ.keys()
    set_defaults(defaults)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
