"""Every run of our experiment, and the removal of one with its files: a part of the door to MLflow.

MLflow's own `gc` is not used: with the runs that it is given it also removes every experiment that a user has deleted.
"""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.registry.client import Version, to_version
from pipeline.registry.connection import find_file, local_artifacts, opened, tracking_uri

IDENTITY = re.compile(r"[0-9a-f]{32}")
MODEL = re.compile(r"m-[0-9a-f]{32}")
OPEN = ("RUNNING", "SCHEDULED")


@dataclass(frozen=True)
class Run:
    """A run of our experiment.

    Attributes:
        id: 32 hex digits.
        ended: when; None: it is open.
        models: ids of the models that it stored.
        folders: of its files and models on this machine; empty if a server or another place holds them.
    """

    id: str
    ended: datetime | None
    models: tuple[str, ...]
    folders: tuple[Path, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """The models as a version names its source."""
        return tuple(f"models:/{model}" for model in self.models)


def list_all_versions() -> list[Version]:
    """Every version of every registered model.

    Raises:
        RegistryError: MLflow cannot be reached, or a version has no number.
    """
    if not _is_made():
        return []
    with opened() as (_, client):
        aliases = {model.name: model.aliases for model in _pages(client.search_registered_models)}
        rows = list(_pages(client.search_model_versions))
    return [to_version(row, aliases.get(row.name, {})) for row in rows]


def list_runs() -> list[Run]:
    """Every run of our experiment; of a registry in a file also those that are marked as deleted.

    Raises:
        RegistryError: MLflow cannot be reached.
    """
    if not _is_made():
        return []
    with opened() as (mlflow, client):
        experiment = client.get_experiment_by_name(os.environ.get("SEGLINE_EXPERIMENT") or "segline")
        if experiment is None:
            return []
        kinds = mlflow.entities.ViewType
        ids, view = [experiment.experiment_id], kinds.ALL if _is_file() else kinds.ACTIVE_ONLY
        rows = list(_pages(client.search_runs, experiment_ids=ids, run_view_type=view))
        models = list(_pages(client.search_logged_models, experiment_ids=ids))
    return [_to_run(row, models, str(experiment.artifact_location)) for row in rows]


def delete_run(run: Run, remove_folder: Callable[[Path], None]) -> None:
    """Deletes a run. A registry in a file loses it for good, with its files and models; a server only marks it.

    A stop leaves a run that is marked as deleted, which this function deletes.

    Raises:
        RegistryError: MLflow cannot be reached.
    """
    with opened() as (_, client):
        if client.get_run(run.id).info.lifecycle_stage != "deleted":
            client.delete_run(run.id)
        if not run.folders:
            return
        for folder in run.folders:
            remove_folder(folder)
        store = client._tracking_client.store
        for model in run.models:
            store._hard_delete_logged_model(model)
        store._hard_delete_run(run.id)


def _is_made() -> bool:
    """False if MLflow is a file that does not exist yet; reading must not make one."""
    return (file := find_file(tracking_uri())) is None or file.exists()


def _is_file() -> bool:
    return find_file(tracking_uri()) is not None


def _pages(search: Callable[..., Any], **arguments: Any) -> Iterator[Any]:
    """All rows of a search; an address of the next page that is empty ends it."""
    token = None
    while token != "":
        page = search(**arguments, page_token=token)
        yield from page
        token = page.token or ""


def _to_run(row: Any, models: list[Any], location: str) -> Run:
    info = row.info
    ended_ms = info.end_time or info.start_time
    is_open = info.status in OPEN and info.lifecycle_stage != "deleted"
    own = tuple(str(model.model_id) for model in models if model.source_run_id == info.run_id)
    ended = None if is_open else datetime.fromtimestamp(ended_ms / 1000, UTC)
    return Run(str(info.run_id), ended, own, tuple(_find_folders(str(info.run_id), own, location)))


def _find_folders(run_id: str, models: tuple[str, ...], location: str) -> Iterator[Path]:
    """Where this machine keeps the files of a run, if it is where `runs.py` puts them: no text of MLflow is a path."""
    if _is_file() and location == str(local_artifacts()) and IDENTITY.fullmatch(run_id):
        yield local_artifacts() / run_id
        yield from (local_artifacts() / "models" / model for model in models if MODEL.fullmatch(model))
