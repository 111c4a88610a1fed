"""A run with its record, and the model version that is made of it."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.metadata import version as version_of
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from pipeline.registry.client import OPEN, Version, create_run, model_name, opened, to_metrics, to_version
from pipeline.registry.contention import write_patiently
from pipeline.registry.run_record import RunRecord

SERVING_CODE = Path(__file__).parents[1] / "serving/mlflow_model.py"
SERVING_PACKAGES = ("mlflow", "numpy", "tensorflow")
TO_REPEAT = "run `segline register`"
MAX_PARAMS, MAX_METRICS = 100, 1000  # in one request
MAX_DIGEST = 36


def check_registry() -> None:
    """Finds out whether the registry is there, before anything is done for it.

    Raises:
        RegistryError: MLflow cannot be reached, or its data base cannot be used.
    """
    with opened() as (_, client):
        client.search_registered_models(max_results=1)


@contextmanager
def recorded_run(record: RunRecord) -> Iterator[str]:
    """Writes a record into the open run that MLFLOW_RUN_ID names, else into a new one, and gives the run's id.

    The run is ended with the block: as finished, or as failed where anything fails.

    Raises:
        RegistryError: MLflow cannot be reached or fails midway.
    """
    with opened(TO_REPEAT) as (mlflow, client):
        named = os.environ.get("MLFLOW_RUN_ID")
        run_id = named if named and client.get_run(named).info.status == OPEN else create_run(client)
        try:
            _log_record(mlflow, client, run_id, record)
            yield run_id
            client.set_terminated(run_id, "FINISHED")
        except BaseException:
            with suppress(Exception):  # where MLflow is gone, the first error is the one to tell
                client.set_terminated(run_id, "FAILED")
            raise


def create_version(run_id: str, model: Path, description: str, tags: Mapping[str, str]) -> Version:
    """Stores an exported model with a run and makes a version of it, which is the last thing that can fail.

    Args:
        run_id: of the run that holds the record.
        model: the SavedModel's folder.
        description: in Markdown.
        tags: of the version, `model_md5` among them.

    Raises:
        RegistryError: MLflow cannot be reached or fails midway; there is no version then.
    """
    name = model_name()
    with opened(TO_REPEAT) as (mlflow, client):
        model_id = _log_model(mlflow, client, run_id, model)
        if not client.search_registered_models(f"name = '{name}'"):
            with suppress(Exception):  # another process made it meanwhile; anything else the next line tells
                client.create_registered_model(name)
        row = client.create_model_version(
            name, f"models:/{model_id}", run_id, tags=dict(tags), description=description, model_id=model_id
        )
        return to_version(row, {})


def delete_version(version: Version) -> None:
    """Deletes a version; its number is never given again."""
    with opened() as (_, client):
        client.delete_model_version(version.name, str(version.number))


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
    for start in range(0, len(params), MAX_PARAMS):
        client.log_batch(run_id, params=params[start : start + MAX_PARAMS])
    tags = [mlflow.entities.RunTag(name, value) for name, value in record.tags.items()]
    client.log_batch(run_id, metrics=to_metrics(mlflow, record.metrics, 0), tags=tags)
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
        metrics += to_metrics(
            mlflow, {name: row[name] for name in names if name in row and step not in live[name]}, step
        )
    for start in range(0, len(metrics), MAX_METRICS):
        client.log_batch(run_id, metrics=metrics[start : start + MAX_METRICS])


def _log_input(run_id: str, record: RunRecord) -> None:
    """Another process may log the same data set for the first time at this moment."""
    with opened(TO_REPEAT) as (mlflow, client):
        client.log_inputs(run_id, [_to_input(mlflow, record)])


def _to_input(mlflow: Any, record: RunRecord) -> Any:
    """The data set, with DVC's MD5 for a digest; MLflow's digests have 36 characters, as has `<MD5>.dir`."""
    tags = {"dvc.md5": record.data_md5, "dvc.path": record.data_path}
    source = json.dumps({"tags": {**record.tags, **tags}})
    data = mlflow.entities.Dataset(record.data_path, record.data_md5[:MAX_DIGEST], "code", source)
    return mlflow.entities.DatasetInput(data, [mlflow.entities.InputTag(*tag) for tag in tags.items()])
