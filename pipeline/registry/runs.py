"""Runs and their files, and the versions that are made of them: with `client.py` the only door to MLflow.

SEGLINE_EXPERIMENT names the experiment; the default is "segline".
"""

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.metadata import version as version_of
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from pipeline.errors import RegistryError
from pipeline.registry.client import Version, ensure_model, model_name, to_version, write_patiently
from pipeline.registry.connection import is_server, local_artifacts, opened
from pipeline.registry.run_record import RunRecord, StoredRun

SERVING_CODE = Path(__file__).parents[1] / "serving/mlflow_model.py"
SERVING_PACKAGES = ("mlflow", "numpy", "tensorflow")
OPEN = "RUNNING"  # the status of a run that is not ended
OF_DATA = ("dvc.md5", "dvc.path")
"""Tags of a data set that are the same for each run on it."""
TO_REPEAT = "run `segline register`"

METRICS, PANEL = "metrics", "panel"

_lost: set[tuple[str, str]] = set()
"""Runs to which metrics or panels are sent no more."""


def create_run(tags: Mapping[str, str] | None = None) -> str:
    """Opens a run in our experiment and gives its id; the experiment is made if it is missing.

    Raises:
        RegistryError: MLflow cannot be reached.
    """
    with opened() as (_, client):
        return _create_run(client, tags)


def start_run() -> str | None:
    """Opens the run that a training reports to; if MLflow cannot be reached, prints a warning and gives None."""
    try:
        return create_run()
    except RegistryError as err:
        _warn(f"no live metrics: {err}")
        return None


def close_run(run_id: str) -> bool:
    """Ends an open run as failed, and deletes a run without metrics; if MLflow fails, prints a warning, gives False."""
    try:
        with opened() as (_, client):
            run = client.get_run(run_id)
            if not run.data.metrics:
                client.delete_run(run_id)
            elif run.info.status == OPEN:
                client.set_terminated(run_id, "FAILED")
    except RegistryError as err:
        _warn(f"the run {run_id} stays open: {err}")
        return False
    return True


def log_epoch(run_id: str, metrics: Mapping[str, float], step: int) -> None:
    """Sends one epoch's metrics to a run; after the first failure nothing more is sent to it."""
    if (run_id, METRICS) in _lost:
        return
    try:
        with opened(patient=False) as (mlflow, client):
            client.log_batch(run_id, metrics=_to_metrics(mlflow, metrics, step))
    except RegistryError as err:
        _lost.add((run_id, METRICS))
        _warn(f"training goes on without live metrics, registering adds those of history.csv: {err}")


def log_panel(run_id: str, path: Path) -> None:
    """Sends the panel of an epoch to a run's folder `panel`; after the first failure no more of them is sent."""
    if _lost & {(run_id, METRICS), (run_id, PANEL)}:
        return
    try:
        with opened(patient=False) as (_, client):
            client.log_artifact(run_id, str(path), PANEL)
    except RegistryError as err:
        _lost.add((run_id, PANEL))
        _warn(f"training goes on without panels in MLflow, they are in {path.parent}: {err}")


def log_text(run_id: str, text: str, path: str) -> None:
    """Writes a text file into a run.

    Raises:
        RegistryError: MLflow cannot be reached, or has no such run.
    """
    with opened() as (_, client):
        client.log_text(run_id, text, path)


def write_run(name: str, metrics: Mapping[str, float], texts: Mapping[str, str], todo: str) -> None:
    """Makes a finished run with text files, given by path; `todo` is the advice in an error message.

    Raises:
        RegistryError: MLflow cannot be reached.
    """
    with opened(todo) as (mlflow, client):
        run_id = _create_run(client, {"mlflow.runName": name})
        client.log_batch(run_id, metrics=_to_metrics(mlflow, metrics, 0))
        for path, text in texts.items():
            client.log_text(run_id, text, path)
        client.set_terminated(run_id, "FINISHED")


def reopen_run(run_id: str) -> None:
    """Marks a run as open, whatever it was.

    Raises:
        RegistryError: MLflow cannot be reached, or has no such run.
    """
    with opened() as (_, client):
        client.update_run(run_id, OPEN)


@contextmanager
def reopened(run_id: str, record: RunRecord, todo: str) -> Iterator[None]:
    """Marks a run as open during the block; a block that fails or is stopped ends it as killed, until it goes on.

    Raises:
        RegistryError: MLflow cannot be reached, or has no such run.
    """
    reopen_run(run_id)
    try:
        yield
    except BaseException:
        with suppress(RegistryError):  # the first error is the one to report
            end_run(run_id, record, "KILLED", todo)
        raise


def end_run(run_id: str, record: RunRecord, status: str, todo: str) -> None:
    """Writes a record into a run and ends it; doing it twice does no harm.

    Args:
        run_id: of the run.
        record: its params must not differ from those that the run has.
        status: MLflow's "FINISHED", "FAILED" or "KILLED".
        todo: the advice in an error message.

    Raises:
        RegistryError: MLflow cannot be reached, or has no such run.
    """
    with opened(todo) as (mlflow, client):
        _log_record(mlflow, client, run_id, record)
        client.set_terminated(run_id, status)


def read_run(run_id: str) -> StoredRun:
    """A run with its tags, params, metrics and data set.

    Raises:
        RegistryError: MLflow cannot be reached, or has no such run.
    """
    with opened() as (_, client):
        run = client.get_run(run_id)
    inputs = run.inputs.dataset_inputs if run.inputs else []
    data_set = _parse_data_set(inputs[0]) if inputs else {}
    return StoredRun(dict(run.data.tags), dict(run.data.params), dict(run.data.metrics), data_set)


def _parse_data_set(data_input: Any) -> dict[str, str]:
    """The tags of a run's data set, as `_log_input` writes them; {}: it is another's, or of a segline before them."""
    tags = {str(tag.key): str(tag.value) for tag in data_input.tags}
    return {**tags, "digest": str(data_input.dataset.digest)} if tags.keys() > set(OF_DATA) else {}


def download(address: str, folder: Path) -> Path:
    """Downloads the file at `runs:/RUN/PATH` or the files of a version's source; no name leads out of the folder.

    Raises:
        RegistryError: MLflow cannot be reached, or has no such files.
    """
    with opened() as (mlflow, _):
        return Path(mlflow.artifacts.download_artifacts(address, dst_path=str(folder)))


def download_run(run_id: str, folder: Path) -> None:
    """Downloads all files of a run into a folder.

    Raises:
        RegistryError: MLflow cannot be reached, or has no such run.
    """
    with opened() as (mlflow, _):
        mlflow.artifacts.download_artifacts(run_id=run_id, dst_path=str(folder))


def find_file(run_id: str, folder: Path, path: str) -> Path | None:
    """Downloads a file of a run; None: the run has no such file.

    Raises:
        RegistryError: MLflow cannot be reached, or has no such run.
    """
    with opened() as (mlflow, client):
        if path not in {file.path for file in client.list_artifacts(run_id, path.rpartition("/")[0] or None)}:
            return None
        return Path(mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=path, dst_path=str(folder)))


@contextmanager
def recorded_run(record: RunRecord) -> Iterator[str]:
    """Writes a record into the open run that MLFLOW_RUN_ID names, else into a new one, and gives the run's id.

    The run ends with the block: as finished, or as failed if anything fails.

    Raises:
        RegistryError: MLflow cannot be reached or fails midway.
    """
    with opened(TO_REPEAT) as (mlflow, client):
        named = os.environ.get("MLFLOW_RUN_ID")
        run_id = named if named and client.get_run(named).info.status == OPEN else _create_run(client)
        try:
            _log_record(mlflow, client, run_id, record)
            yield run_id
            client.set_terminated(run_id, "FINISHED")
        except BaseException:
            with suppress(Exception):  # if MLflow is gone, the first error is the one to report
                client.set_terminated(run_id, "FAILED")
            raise


def create_version(run_id: str, model: Path, description: str, tags: Mapping[str, str]) -> Version:
    """Stores an exported model with a run and makes a version of it. The version is made last.

    Args:
        model: the SavedModel's folder.
        description: in Markdown.
        tags: of the version, `model_md5` among them.

    Raises:
        RegistryError: MLflow cannot be reached or fails midway; no version is made then.
    """
    name = model_name()
    with opened(TO_REPEAT) as (mlflow, client):
        model_id = _log_model(mlflow, client, run_id, model)
        ensure_model(client, name)
        row = client.create_model_version(
            name, f"models:/{model_id}", run_id, tags=dict(tags), description=description, model_id=model_id
        )
        return to_version(row, {})


def _create_run(client: Any, tags: Mapping[str, str] | None = None) -> str:
    name = os.environ.get("SEGLINE_EXPERIMENT") or "segline"
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        with suppress(Exception):  # another process may make it meanwhile; the next call repeats any other error
            client.create_experiment(name, None if is_server() else str(local_artifacts()))
        experiment = client.get_experiment_by_name(name)
    return str(client.create_run(experiment.experiment_id, tags=dict(tags or {})).info.run_id)


def _to_metrics(mlflow: Any, metrics: Mapping[str, float], step: int) -> list[Any]:
    now_ms = int(time.time() * 1000)
    finite = {name: float(value) for name, value in metrics.items() if isfinite(value)}
    return [mlflow.entities.Metric(name, value, now_ms, step) for name, value in finite.items()]


def _log_model(mlflow: Any, client: Any, run_id: str, model: Path) -> str:
    """Stores the SavedModel with the code that serves it; requirements are given, because guessing takes 15 s."""
    experiment_id = client.get_run(run_id).info.experiment_id
    model_id = str(client.create_logged_model(experiment_id, "model", run_id).model_id)
    with TemporaryDirectory() as temporary:
        mlflow.pyfunc.save_model(
            f"{temporary}/model",
            python_model=str(SERVING_CODE),
            artifacts={"saved_model": str(model)},
            signature=_signature(mlflow),
            pip_requirements=[f"{name}=={version_of(name)}" for name in SERVING_PACKAGES],
            mlflow_model=mlflow.models.Model(run_id=run_id, model_uuid=model_id, model_id=model_id),
        )
        client.log_model_artifacts(model_id, f"{temporary}/model")
    client.finalize_logged_model(model_id, "READY")
    client.log_outputs(run_id, [mlflow.entities.LoggedModelOutput(model_id, step=0)])
    return model_id


def _signature(mlflow: Any) -> Any:
    images = mlflow.types.TensorSpec(np.dtype(np.uint8), (-1, -1, -1, 3))
    ids = mlflow.types.TensorSpec(np.dtype(np.uint8), (-1, -1, -1))
    return mlflow.models.ModelSignature(mlflow.types.Schema([images]), mlflow.types.Schema([ids]))


def _log_record(mlflow: Any, client: Any, run_id: str, record: RunRecord) -> None:
    params = [mlflow.entities.Param(name, value) for name, value in record.params.items()]
    tags = [mlflow.entities.RunTag(name, value) for name, value in record.tags.items()]
    client.log_batch(run_id, _to_metrics(mlflow, record.metrics, 0), params, tags)
    _log_history(mlflow, client, run_id, record)
    write_patiently("the run's data set", lambda: _log_input(run_id, record))
    for path, folder in record.files:
        (client.log_artifacts if path.is_dir() else client.log_artifact)(run_id, str(path), folder)
    for name, text in record.texts.items():
        client.log_text(run_id, text, name)


def _log_history(mlflow: Any, client: Any, run_id: str, record: RunRecord) -> None:
    """Sends the epochs that the training has not sent live."""
    names = sorted({name for row in record.history for name in row} - {"epoch"})
    live = {name: {metric.step for metric in client.get_metric_history(run_id, name)} for name in names}
    metrics: list[Any] = []
    for row in record.history:
        step = int(row["epoch"])
        missing = {name: row[name] for name in names if name in row and step not in live[name]}
        metrics += _to_metrics(mlflow, missing, step)
    client.log_batch(run_id, metrics)


def _log_input(run_id: str, record: RunRecord) -> None:
    """Logs the data set; its digest is DVC's MD5, because `<MD5>.dir` has the 36 characters of MLflow's digests.

    MLflow keeps one data set for all runs with the same digest, so what is of this run goes into tags of its input.
    """
    of_data = dict(zip(OF_DATA, (record.data_md5, record.data_path), strict=True))
    with opened(TO_REPEAT) as (mlflow, client):
        source = json.dumps({"tags": of_data})
        data = mlflow.entities.Dataset(record.data_path, record.data_md5[:36], "code", source)
        labels = [mlflow.entities.InputTag(*tag) for tag in {**record.tags, **of_data}.items()]
        client.log_inputs(run_id, [mlflow.entities.DatasetInput(data, labels)])


def _warn(message: str) -> None:
    print(f"warning: {message}", file=sys.stderr, flush=True)
