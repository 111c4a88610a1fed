"""Tests of flows/live_run.py, with MLflow itself."""

import subprocess
import sys
from pathlib import Path

import pytest

from flows.live_run import OPEN_RUN, close_live_run, forwarding, open_live_run
from pipeline.registry.runs import find_file, read_run
from tests.flows.tiny_flow import mlflow_states

pytestmark = pytest.mark.services


@pytest.fixture(autouse=True)
def registry(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data base of the test's own: within one process MLflow takes equal addresses for equal files."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{project}/mlflow.db")


@pytest.mark.e2e
def test_no_run_stays_open(project: Path) -> None:
    """What was opened is ended by the next call, in whichever process; without a run nothing happens."""
    close_live_run()
    run_id = open_live_run()["MLFLOW_RUN_ID"]
    assert OPEN_RUN.read_text() == run_id
    lines: list[str] = []
    receive = forwarding(lines.append, run_id)
    for line in ("epoch 1/2", 'metrics: {"epoch": 1, "loss": 1.0, "val_loss": NaN}'):
        receive(line)
    assert lines == ["epoch 1/2"]
    close_live_run()
    assert not OPEN_RUN.exists()
    assert mlflow_states() == ["FAILED"]


@pytest.mark.e2e
def test_a_panel_is_a_file_of_the_run(project: Path) -> None:
    """Its line names the file; one that is gone stops nothing."""
    run_id = open_live_run()["MLFLOW_RUN_ID"]
    Path("epoch_0001.png").write_bytes(b"png")
    lines: list[str] = []
    receive = forwarding(lines.append, run_id)
    for line in ("panel: epoch_0001.png", "panel: gone.png", 'metrics: {"epoch": 1, "val_iou/car": 0.5}'):
        receive(line)
    path = find_file(run_id, project, "panel/epoch_0001.png")
    assert not lines and path and path.read_bytes() == b"png"
    assert read_run(run_id).metrics == {"val_iou/car": 0.5}
    close_live_run()


@pytest.mark.e2e
def test_no_empty_run_is_left(project: Path) -> None:
    """Where nothing was trained after all, nothing is to be seen."""
    open_live_run()
    close_live_run()
    assert mlflow_states() == []


@pytest.mark.e2e
def test_without_mlflow_there_is_no_run(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry that cannot be reached stops nothing."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert open_live_run() == {}
    assert not OPEN_RUN.exists()


@pytest.mark.e2e
def test_a_run_that_cannot_be_ended_is_ended_by_the_next_call(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It stays known while MLflow cannot be reached."""
    forwarding(print, open_live_run()["MLFLOW_RUN_ID"])('metrics: {"epoch": 1, "loss": 1.0}')
    with monkeypatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
        close_live_run()
        assert "stays open" in capsys.readouterr().err
    assert mlflow_states() == ["RUNNING"]
    close_live_run()
    assert mlflow_states() == ["FAILED"] and not OPEN_RUN.exists()


def test_the_flow_loads_no_tensorflow() -> None:
    """The command starts at once and prints none of its lines; only the stages that compute load it."""
    code = "import sys, flows.doctor, flows.retrain; print(sorted({'keras', 'tensorflow'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
