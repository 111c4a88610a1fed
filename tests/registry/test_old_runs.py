"""Tests of pipeline/registry/old_runs.py."""

from pathlib import Path

import pytest

from pipeline.disk.files import remove
from pipeline.errors import RegistryError
from pipeline.registry.connection import opened
from pipeline.registry.old_runs import Run, delete_run, list_all_versions, list_runs
from pipeline.registry.runs import create_run
from tests.finished_project import use_registry

pytestmark = pytest.mark.services


@pytest.fixture(autouse=True)
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty registry in the current folder."""
    monkeypatch.chdir(tmp_path)
    use_registry(tmp_path, monkeypatch)


def make_run() -> str:
    """A run that is ended, with a file and a stored model."""
    run_id = create_run()
    with opened() as (_, client):
        client.log_text(run_id, "x", "a.txt")
        client.log_metric(run_id, "loss", 1.0)
        model = client.create_logged_model(client.get_run(run_id).info.experiment_id, "model", run_id)
        Path("file").write_text("x")
        client.log_model_artifact(model.model_id, "file")
        client.set_terminated(run_id, "FINISHED")
    return run_id


def find(run_id: str) -> Run:
    """The run as the list has it."""
    return next(run for run in list_runs() if run.id == run_id)


def test_a_run_goes_with_its_files_and_models() -> None:
    """Other runs stay whole."""
    gone, stays = make_run(), make_run()
    run = find(gone)
    assert run.ended and len(run.models) == 1 and [folder.is_dir() for folder in run.folders] == [True, True]
    delete_run(run, remove)
    assert not any(folder.exists() for folder in run.folders)
    assert [run.id for run in list_runs()] == [stays] and all(folder.is_dir() for folder in find(stays).folders)
    with opened() as (_, client):
        assert [model.source_run_id for model in client.search_logged_models(["1"])] == [stays]


def test_a_removal_that_was_killed_is_completed() -> None:
    """At each of its steps; until then the run is only marked as deleted."""
    run = find(make_run())

    def killed(_: Path) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        delete_run(run, killed)
    assert find(run.id).ended and all(folder.is_dir() for folder in run.folders)
    delete_run(find(run.id), remove)
    assert list_runs() == []


def test_a_run_that_keeps_its_files_elsewhere_is_only_marked(tmp_path: Path) -> None:
    """No path that MLflow names is removed."""
    outside = tmp_path / "outside"
    with opened() as (_, client):
        experiment = client.create_experiment("segline", str(outside))
        run_id = client.create_run(experiment).info.run_id
        client.log_text(run_id, "x", "a.txt")
        client.set_terminated(run_id)
    delete_run(find(run_id), remove)
    assert len(list(outside.rglob("a.txt"))) == 1
    with opened() as (_, client):
        assert client.get_run(run_id).info.lifecycle_stage == "deleted"


def test_without_a_registry_there_is_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No data base is made by looking; one that cannot be reached is an error."""
    assert list_runs() == [] and list_all_versions() == []
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/none.db")
    assert list_runs() == [] and list_all_versions() == [] and not (tmp_path / "none.db").exists()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    for look in (list_runs, list_all_versions):
        with pytest.raises(RegistryError, match=r"MLflow at http://127\.0\.0\.1:9 fails"):
            look()
