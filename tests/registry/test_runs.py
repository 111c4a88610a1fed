"""Tests of runs with a record and of the versions made of them."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.disk.files import md5_of
from pipeline.errors import RegistryError
from pipeline.registry import runs
from pipeline.registry.client import delete_version, list_versions
from pipeline.registry.connection import opened
from pipeline.registry.model_cache import download_model
from pipeline.registry.run_record import RunRecord
from pipeline.registry.runs import (
    close_run,
    create_run,
    create_version,
    download_run,
    end_run,
    find_file,
    log_epoch,
    log_panel,
    log_text,
    recorded_run,
    reopen_run,
    reopened,
    start_run,
    write_run,
)
from tests.finished_project import tiny_model, use_registry
from tests.mlflow_server import kill, running_server

pytestmark = pytest.mark.services

HISTORY = ({"epoch": 1.0, "loss": 0.5}, {"epoch": 2.0, "loss": 0.25})
RECORD = RunRecord({"git_commit": "abc"}, {"a.b": "1"}, {"mean_iou": 0.5}, HISTORY, (), {}, "data", "0" * 32 + ".dir")


@pytest.fixture(autouse=True)
def _registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    use_registry(tmp_path, monkeypatch)


def read_run(run_id: str) -> Any:
    """The run as MLflow has it."""
    with opened() as (_, client):
        return client.get_run(run_id)


def read_losses(run_id: str) -> list[tuple[int, float]]:
    """Step and value of each loss that the run was told."""
    with opened() as (_, client):
        return [(row.step, row.value) for row in client.get_metric_history(run_id, "loss")]


def list_files(run_id: str) -> list[str]:
    """Files of a run, by path."""
    with opened() as (mlflow, _):
        folder = Path(mlflow.artifacts.download_artifacts(run_id=run_id))
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_record_is_written_whole(tmp_path: Path) -> None:
    """Tags, params, metrics, history, files and the data set with DVC's MD5 for a digest are in the run."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/a.html").write_text("a")
    (tmp_path / "b.txt").write_text("b")
    files = ((tmp_path / "docs", "docs"), (tmp_path / "b.txt", "lineage"))
    with recorded_run(replace(RECORD, files=files, texts={"lineage/c.txt": "c"})) as run_id:
        assert read_run(run_id).info.status == "RUNNING"
    run = read_run(run_id)
    assert run.info.status == "FINISHED" and run.data.params == {"a.b": "1"} and run.data.tags["git_commit"] == "abc"
    assert run.data.metrics == {"mean_iou": 0.5, "loss": 0.25} and read_losses(run_id) == [(1, 0.5), (2, 0.25)]
    assert list_files(run_id) == ["docs/a.html", "lineage/b.txt", "lineage/c.txt"]
    (data,) = run.inputs.dataset_inputs
    assert data.dataset.name == "data" and data.dataset.digest == RECORD.data_md5
    assert {tag.key: tag.value for tag in data.tags}["dvc.md5"] == RECORD.data_md5


def test_runs_on_the_same_data_have_tags_of_their_own() -> None:
    """MLflow keeps one data set for both; what each run says of it is its own."""
    said = []
    for commit in ("one", "two"):
        with recorded_run(replace(RECORD, tags={**RECORD.tags, "git_commit": commit})) as run_id:
            pass
        said.append(runs.read_run(run_id).data_set)
    assert [tags["git_commit"] for tags in said] == ["one", "two"]
    assert {tags["digest"] for tags in said} == {tags["dvc.md5"] for tags in said} == {RECORD.data_md5}


def test_open_run_is_used_and_live_epochs_are_not_doubled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run that the training reported to takes the record, with the epochs that it has not had yet."""
    live = start_run() or ""
    monkeypatch.setenv("MLFLOW_RUN_ID", live)
    log_epoch(live, {"loss": 0.5}, 1)
    with recorded_run(RECORD) as run_id:
        assert run_id == live
    assert read_losses(live) == [(1, 0.5), (2, 0.25)]
    with recorded_run(RECORD) as run_id:
        assert run_id != live


def test_panels_are_files_of_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After the first that cannot be sent, no more are, with one warning; metrics go on."""
    run_id = start_run() or ""
    path = tmp_path / "epoch_0007.png"
    path.write_bytes(b"png")
    log_panel(run_id, path)
    for _ in range(2):
        log_panel(run_id, tmp_path / "gone.png")
    log_panel(run_id, path.rename(tmp_path / "epoch_0008.png"))
    log_epoch(run_id, {"loss": 0.5, "val_iou/a_..__b_": 0.25}, 1)
    assert list_files(run_id) == ["panel/epoch_0007.png"]
    assert read_run(run_id).data.metrics == {"loss": 0.5, "val_iou/a_..__b_": 0.25}
    assert capsys.readouterr().err.count("warning: training goes on without panels in MLflow, they are in ") == 1


def test_a_run_is_ended_twice_and_opened_again() -> None:
    """As after a kill: nothing is doubled, and the last state counts."""
    run_id = create_run({"mlflow.runName": "trial-1"})
    log_epoch(run_id, {"loss": 0.5}, 1)
    for status in ("KILLED", "FINISHED"):
        reopen_run(run_id)
        assert read_run(run_id).info.status == "RUNNING"
        end_run(run_id, RECORD, status, "again")
        run = read_run(run_id)
        assert run.info.status == status and read_losses(run_id) == [(1, 0.5), (2, 0.25)]
    assert len(run.inputs.dataset_inputs) == 1 and run.data.params == {"a.b": "1"} and run.info.run_name == "trial-1"
    with pytest.raises(RegistryError, match="fix that and again"):
        end_run("0" * 32, RECORD, "FINISHED", "again")


def test_a_run_that_is_stopped_is_killed_until_it_goes_on() -> None:
    """The error of the block is the one that is reported."""
    run_id = create_run()
    with pytest.raises(KeyboardInterrupt), reopened(run_id, RECORD, "again"):
        raise KeyboardInterrupt
    assert read_run(run_id).info.status == "KILLED" and read_run(run_id).data.params == {"a.b": "1"}
    with reopened(run_id, RECORD, "again"):
        assert read_run(run_id).info.status == "RUNNING"


def test_close_run_deletes_a_run_without_metrics() -> None:
    """DVC did not run a training that sent no metrics; a run with metrics is ended as failed."""
    empty, filled = start_run() or "", start_run() or ""
    log_epoch(filled, {"loss": 0.5}, 1)
    close_run(empty)
    close_run(filled)
    assert read_run(empty).info.lifecycle_stage == "deleted"
    assert (read_run(filled).info.lifecycle_stage, read_run(filled).info.status) == ("active", "FAILED")


def test_file_of_a_run_is_there_or_not(tmp_path: Path) -> None:
    """A file is downloaded; one that the run lacks is None; a run that is gone is an error."""
    write_run("noise", {"floor": 0.5, "nothing": float("nan")}, {"a/b.txt": "b"}, "repeat it")
    with opened() as (_, client):
        (run,) = client.search_runs([client.get_experiment_by_name("segline").experiment_id])
    run_id = run.info.run_id
    assert run.info.status == "FINISHED" and run.info.run_name == "noise" and run.data.metrics == {"floor": 0.5}
    assert find_file(run_id, tmp_path / "to", "a/c.txt") is None
    path = find_file(run_id, tmp_path / "to", "a/b.txt")
    assert path is not None and path.read_text() == "b"
    log_text(run_id, "c", "c.txt")
    download_run(run_id, tmp_path / "all")
    assert {file.name for file in (tmp_path / "all").rglob("*.txt")} == {"b.txt", "c.txt"}
    with pytest.raises(RegistryError, match="MLflow at sqlite.* fails: .*gone"):
        find_file("gone", tmp_path, "a/b.txt")


def test_many_params_and_epochs() -> None:
    """More params and metrics than MLflow takes in one request are sent in several."""
    record = replace(
        RECORD,
        params={f"p{index}": "1" for index in range(150)},
        history=tuple({"epoch": float(index), "loss": 1.0} for index in range(1, 1102)),
    )
    with recorded_run(record) as run_id:
        pass
    assert len(read_run(run_id).data.params) == 150 and len(read_losses(run_id)) == 1101


@pytest.mark.e2e
def test_failure_ends_the_run_as_failed(tmp_path: Path) -> None:
    """Files that cannot be stored end the run as failed and make no version; the message says what to do."""
    (tmp_path / "mlartifacts").write_text("a file where a folder should be")
    todo = "nothing is lost, fix that and run `segline register`"
    with pytest.raises(RegistryError, match=todo) as info, recorded_run(replace(RECORD, texts={"a.txt": ""})):
        pass
    assert "mlartifacts" in str(info.value)
    with opened() as (_, client):
        (run,) = client.search_runs([client.get_experiment_by_name("segline").experiment_id])
    assert run.info.status == "FAILED" and list_versions() == []


def test_version_is_made_with_its_tags() -> None:
    """A version has the tags, the description, the run and the signature of the model."""
    with recorded_run(RECORD) as run_id:
        version = create_version(run_id, tiny_model(0), "what it is", {"model_md5": md5_of(tiny_model(0))})
    assert list_versions() == [version] and version.run_id == run_id
    with opened() as (mlflow, client):
        assert client.get_model_version("segline", "1").description == "what it is"
        info = mlflow.models.get_model_info("models:/segline/1")
        requirements = Path(mlflow.artifacts.download_artifacts("models:/segline/1/requirements.txt")).read_text()
    assert str(info.signature.inputs.inputs[0].shape) == "(-1, -1, -1, 3)"
    assert info.signature.inputs.inputs[0].type == "uint8"
    assert "tensorflow==" in requirements and "mlflow==" in requirements


@pytest.mark.e2e
def test_server_that_goes_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real server does as a file does; when it dies midway that is told soon, and no version is left."""
    with running_server(tmp_path, monkeypatch) as server:
        with recorded_run(RECORD) as run_id:
            create_version(run_id, tiny_model(0), "", {"model_md5": md5_of(tiny_model(0))})
        (version,) = list_versions()
        assert md5_of(download_model(version)) == md5_of(tiny_model(0))
        start = time.monotonic()
        with pytest.raises(RegistryError, match="run `segline register`"), recorded_run(RECORD) as run_id:
            kill(server)
            create_version(run_id, tiny_model(0), "", {})
        assert time.monotonic() - start < 30
    with running_server(tmp_path, monkeypatch):
        assert list_versions() == [version]


def test_number_of_a_deleted_version_is_not_given_again() -> None:
    """A deleted version is gone, and the next one has a new number."""
    with recorded_run(RECORD) as run_id:
        delete_version(create_version(run_id, tiny_model(0), "", {}))
        assert list_versions() == []
        assert create_version(run_id, tiny_model(0), "", {}).number == 2
