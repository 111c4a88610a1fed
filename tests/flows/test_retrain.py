"""Tests of flows/retrain.py, by way of the command: Prefect, DVC and MLflow as a user has them."""

import logging
import os
import signal
from pathlib import Path

import pytest

from flows.retrain import PROMOTED, log_line, state_of_decision
from pipeline.dataset.versions import is_fresh
from pipeline.ledger.ledger import Aliases, append, new_line, read_ledger
from pipeline.registry.client import create_entry, list_versions, set_alias
from pipeline.repository.git import git
from tests.changes.two_versions import commit_data, relabel
from tests.contest import ROAD, register, write_contest
from tests.flows.tiny_flow import TRAIN, ask_prefect, mlflow_states, run_flow, started, write_tiny_flow
from tests.flows.tiny_team import save, write_team
from tests.processes import wait_for_end


@pytest.fixture
def tiny(project: Path) -> Path:
    """A project with quick stages, as the current directory."""
    write_tiny_flow(project)
    return project


@pytest.mark.e2e
def test_a_rejected_model_ends_in_a_named_state(tiny: Path) -> None:
    """Tasks are the stages, their output is in the log, state and artifacts tell the verdict, no MLflow run is open."""
    code, output = run_flow()
    assert code == 3, output
    assert "| train | epoch 3/3" in output
    assert "rejected by the gate, nothing was registered: mean IoU 0.5 is below the floor 0.7" in output
    flow_runs, task_runs, artifacts = ask_prefect("flow_runs", "task_runs", "artifacts")
    assert [run["state"]["name"] for run in flow_runs] == ["GateRejected"]
    assert {run["name"] for run in task_runs} == {"validate", "train", "gate"}
    assert {artifact["key"]: artifact["data"] for artifact in artifacts} == {
        "verdict": "# Rejected\n\n- mean IoU 0.5 is below the floor 0.7\n"
    }
    assert is_fresh("data.dvc")
    assert mlflow_states() == ["FAILED"]


@pytest.mark.e2e
def test_a_relabelled_frozen_test_split_ends_the_run(tiny: Path) -> None:
    """No stage runs; the data are compared with those of the champion, and params.yaml can accept them."""
    create_entry("segline", "nowhere", {"data_md5": commit_data(tiny)}, "", "")
    set_alias("champion", list_versions()[0])
    relabel("s006")
    code, output = run_flow()
    assert code == 1 and "the frozen test split is not that of the champion segline/1: 1 relabelled (s006)" in output
    assert "| validate |" not in output and 'accepted_test: "' in output


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("train: warning: the loss rises", logging.WARNING),
        ("warning: training goes on without", logging.WARNING),
        ("epoch 1/3: loss 0.5", logging.INFO),
        ("class 'warning: ' is in train", logging.INFO),
    ],
)
def test_a_warning_of_a_program_is_one_of_the_flow(line: str, level: int, caplog: pytest.LogCaptureFixture) -> None:
    """Prefect shows it in its colour, and can be asked for warnings alone."""
    with caplog.at_level(logging.INFO):
        log_line(logging.getLogger("test"), line)
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [(level, line)]


@pytest.mark.services
def test_the_state_names_a_promotion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It follows from the run's own last line: promoted, refused with the reasons, or void as another was quicker."""
    write_contest(tmp_path, monkeypatch)
    register(ROAD)
    for actor, kind, known in (("a", "refuse", 0), ("a", "promote", 1), ("b", "promote", 1), ("c", "refuse", 3)):
        monkeypatch.setenv("SEGLINE_ACTOR", actor)
        line = new_line(kind, 1, read_ledger()[:known], Aliases(None, None), [f"by {actor}"], {})  # type: ignore[arg-type]
        append(line)
    states = {actor: state_of_decision(actor) for actor in "abc"}
    assert {actor: state.name for actor, state in states.items()} == {
        "a": PROMOTED,
        "b": "Completed",
        "c": "Completed",
    }
    assert states["a"].message == "segline/1 is the champion: by a"
    assert states["b"].message == (
        "segline/1 is registered, but not promoted: the champion was 1 by then, moved in line 2"
    )
    assert states["c"].message == "segline/1 is registered, but not promoted: by c"


@pytest.mark.e2e
def test_what_is_fresh_is_not_run_again(tiny: Path) -> None:
    """After a run, a second one runs no stage and opens no MLflow run; changed data get a version and run all."""
    run_flow()
    _, output = run_flow()
    assert output.count("didn't change, skipping") == 3, output
    assert mlflow_states() == ["FAILED"]
    (tiny / "data/images/a").write_text("other")
    _, output = run_flow()
    assert "holds other files than data.dvc says" in output
    assert "Running stage 'validate'" in output
    assert is_fresh("data.dvc")


@pytest.mark.e2e
def test_a_failed_stage_ends_the_run_with_its_words(tiny: Path) -> None:
    """The message holds what the stage said last; no later stage runs, and there is no traceback of ours."""
    (tiny / "train.py").write_text("import sys; sys.exit('error: the loss is nan; lower train.learning_rate')\n")
    code, output = run_flow()
    assert code == 1
    message = output.rpartition("error: train ended with exit code")[2]
    assert "error: the loss is nan; lower train.learning_rate" in message
    assert "Running stage 'gate'" not in output
    assert "Traceback" not in output and "NoneType" not in output


@pytest.mark.e2e
def test_a_killed_run_leaves_nothing_behind_and_the_next_goes_on(tiny: Path) -> None:
    """SIGKILL in the training: its process ends too; the next run starts at once and clears up after the killed one."""
    (tiny / "train.py").write_text(TRAIN.replace("0.3", "2"))
    with started("segline.command", "run") as killed:
        assert killed.stdout
        line = next(line for line in killed.stdout if "epoch 1/3 of process" in line)
        code, output = run_flow()
        assert (code, "another `segline run` is under way" in output) == (1, True)
        os.kill(killed.pid, signal.SIGKILL)
        wait_for_end(int(line.split("process ")[1].split()[0]))
    code, output = run_flow()
    assert code == 3, output
    assert "'validate' didn't change" in output
    assert "| train | epoch 3/3" in output
    (flow_runs,) = ask_prefect("flow_runs")
    assert sorted(run["state"]["name"] for run in flow_runs) == ["Crashed", "GateRejected"]
    assert mlflow_states() == ["FAILED", "FAILED"], line + output


@pytest.mark.e2e
def test_a_registry_that_is_not_there_is_reported_before_the_training(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No model is trained that could not be registered."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    code, output = run_flow()
    assert code == 1, output
    assert "error: MLflow at http://127.0.0.1:9 fails: " in output and "fix that and run the same command" in output
    assert "Running stage" not in output and "Traceback" not in output


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("words", "sign", "code"),
    [
        (["run"], signal.SIGINT, 130),
        (["run"], signal.SIGTERM, 143),
        (["schedule", "--cron", "* * * * *"], signal.SIGINT, 130),
        (["schedule", "--cron", "* * * * *"], signal.SIGTERM, 143),
    ],
)
def test_a_run_that_is_stopped_says_how_to_go_on(
    project: Path, tmp_path: Path, words: list[str], sign: int, code: int
) -> None:
    """Ctrl-C, which reaches every process in the terminal, and SIGTERM end all without a traceback."""
    write_team(project, tmp_path)
    (project / "train.py").write_text(TRAIN.replace("0.3", "20"))
    save("slow")
    git("push", "--quiet")
    with started("segline.command", *words, start_new_session=True) as child:
        assert child.stdout
        line = next(line for line in child.stdout if "epoch 1/3 of process" in line)
        if sign == signal.SIGINT:
            os.killpg(child.pid, sign)
        else:
            child.send_signal(sign)
        output, _ = child.communicate()
    assert child.returncode == code, output
    assert "Traceback" not in output and "NoneType" not in output
    assert output.endswith("start the same command again to go on; a training continues after its last checkpoint\n")
    wait_for_end(int(line.split("process ")[1].split()[0]))
