"""Tests of the step `tune`."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

import segline
from pipeline.dataset.packed import PREPROCESS
from pipeline.disk.yaml_text import parse_yaml
from pipeline.errors import EvidenceError, ParamsError, StageError
from pipeline.monitoring.lines import PREFIX
from pipeline.params import read_params
from pipeline.registry.connection import opened
from pipeline.registry.runs import create_run
from pipeline.steps.preprocess import preprocess
from pipeline.steps.tune import BehindError, conclude, find_problem, read_search, run_trials, show, take_line, tune
from pipeline.trials.params_change import flatten, with_values
from pipeline.trials.project import TUNE
from pipeline.trials.study import FAILED, FINISHED, PRUNED, RUNNING, Outcome, TrialRow, opened_study
from tests.drawn_data import CLASSES, small_content, small_params, write_data
from tests.finished_project import use_registry
from tests.processes import wait_for_end

pytestmark = pytest.mark.services

ROOT = Path(__file__).parents[2]
RANGES = (
    "train.learning_rate: {low: 0.001, high: 0.05, log: true}\ntrain.augment.crop: {choices: [[24, 32], [32, 48]]}\n"
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with packed arrays and ranges, as the current directory."""
    monkeypatch.chdir(tmp_path)
    use_registry(tmp_path, monkeypatch)
    preprocess(write_data(tmp_path, num_val=6), CLASSES, small_params().preprocess, PREPROCESS)
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    Path("data.dvc").write_text("outs:\n- {md5: d1.dir, path: data}\n")
    Path("ranges.yaml").write_text(RANGES)
    write_params()
    return tmp_path


def write_params(**changes: Any) -> None:
    """Writes params.yaml, with a comment and with changes to the section `train`."""
    Path("params.yaml").write_text("# ours\n" + yaml.safe_dump(small_content(**changes)))


def row(number: int, state: str, mean_iou: float = float("nan"), **values: Any) -> TrialRow:
    """A trial as the study has it."""
    outcome = Outcome(
        state, "" if state in (FINISHED, RUNNING) else "for a reason", mean_iou, mean_iou - 0.1, mean_iou + 0.1
    )
    return TrialRow(number, {"train.learning_rate": 0.01, "train.augment.crop": [24, 32]} | values, 3, outcome)


def read_runs() -> list[Any]:
    """All MLflow runs."""
    with opened() as (_, client):
        return list(client.search_runs([client.get_experiment_by_name("segline").experiment_id]))


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        (
            "train.learning_rate: {low: 0.1, high: 20}",
            "`train.learning_rate` cannot be 20.0, since .*than or",
        ),
        ("train.augment.crop: {choices: [[24, 32], [64, 64]]}", r"cannot be \[64, 64\], since .*the crop must fit in"),
        ("train.class_weights: {choices: [none, some]}", "`train.class_weights` cannot be some, since"),
    ],
)
def test_a_range_whose_end_is_no_valid_param_is_refused(project: Path, ranges: str, message: str) -> None:
    """The message names file, param and value."""
    Path("ranges.yaml").write_text(ranges)
    with pytest.raises(ParamsError, match=f"^ranges.yaml: .*{message}"):
        read_search(Path("ranges.yaml"))


def test_wrong_options_are_refused(project: Path) -> None:
    """Before anything is trained; params.yaml is never written."""
    with pytest.raises(ParamsError, match="--trials is 0, expected 1 or more"):
        tune(Path("ranges.yaml"), 0, Path("out.yaml"))
    with pytest.raises(ParamsError, match="--out is params.yaml; name another file"):
        tune(Path("ranges.yaml"), 1, project / "params.yaml")


def test_values_that_are_searched_are_not_of_the_identity_but_all_else_is(project: Path) -> None:
    """So a search goes on after its best values became those of params.yaml."""
    file = Path("ranges.yaml")
    first = read_search(file).identity
    write_params(learning_rate=0.02)
    assert read_search(file).identity == first
    write_params(weight_decay=0.5)
    other = read_search(file).identity
    write_params()
    file.write_text(RANGES.replace("0.05", "0.06"))
    assert len({first, other, read_search(file).identity}) == 3
    assert find_problem(with_values(small_content(), {"train.warmup_epochs": 9})).startswith("params.yaml: ")


def test_the_best_finished_trial_is_proposed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table has every trial, and the file differs from params.yaml in the best values only."""
    rows = [
        row(0, FINISHED, 0.5),
        row(1, PRUNED, **{"train.learning_rate": 0.03}),
        row(2, FINISHED, 0.7, **{"train.learning_rate": 0.04}),
        row(3, RUNNING),
        row(4, FAILED),
    ]
    before = Path("params.yaml").read_text()
    tuning = conclude(rows, read_search(Path("ranges.yaml")), Path("tuned.yaml"))
    assert [row.number for row in tuning.trials] == [2, 0, 1, 3, 4]
    assert Path("params.yaml").read_text() == before
    assert Path("tuned.yaml").read_text() == before.replace("learning_rate: 0.01", "learning_rate: 0.04")
    show(tuning)
    out = " ".join(capsys.readouterr().out.split())
    assert "0.7000 (0.6000 to 0.8000)" in out and "as in" in out and "for a reason" in out
    assert "+ learning_rate: 0.04" in out and "cp tuned.yaml params.yaml" in out
    show(conclude(rows[:1], read_search(Path("ranges.yaml")), Path("tuned.yaml")))
    assert "no trial is better than params.yaml; tuned.yaml is a copy" in capsys.readouterr().out
    assert Path("tuned.yaml").read_text() == before


def test_without_a_finished_trial_nothing_is_proposed(project: Path) -> None:
    """The message has the reasons."""
    with pytest.raises(EvidenceError, match=r"none of 1 trials is finished \(4: failed for a reason\)"):
        conclude([row(4, FAILED)], read_search(Path("ranges.yaml")), Path("tuned.yaml"))
    assert not Path("tuned.yaml").exists()


@pytest.mark.e2e
def test_a_trial_behind_the_others_is_pruned(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its epochs go to MLflow once and other lines are printed; after the last epoch nothing is gained by pruning."""
    ranges, run_id, rows = read_search(Path("ranges.yaml")).ranges, create_run(), list[Any]()
    with opened_study(project / "study", ranges, 0, 0) as study:
        for _ in range(5):
            good = study.begin()
            good.report(1, 0.9)
            good.report(2, 0.9)
            good.end(Outcome(FINISHED, "", 0.9))
        take = partial(take_line, study.begin(), rows, 2, run_id, "trial 6: ")
        take("working")
        for _ in range(2):
            with pytest.raises(BehindError):
                take(f"{PREFIX}{json.dumps({'epoch': 1, 'val_mean_iou': 0.1})}")
        take(f"{PREFIX}{json.dumps({'epoch': 2, 'val_mean_iou': 0.2})}")
    assert "trial 6: working\n" in capsys.readouterr().out and [row["epoch"] for row in rows] == [1, 1, 2]
    with opened() as (_, client):
        assert [metric.value for metric in client.get_metric_history(run_id, "val_mean_iou")] == [0.1, 0.2]


@pytest.mark.e2e
def test_trials_that_fail_are_kept_and_stop_the_search(project: Path) -> None:
    """Three failures in a row are no fault of the values; what cannot be valid together is pruned at once."""
    Path("ranges.yaml").write_text("train.batch_size: {low: 17, high: 40}\n")
    with pytest.raises(StageError, match=r"3 trials failed, one after the other; .*(.|\n)*train has 16 images"):
        tune(Path("ranges.yaml"), 5, Path("out.yaml"))
    states = {run.info.run_name: run.info.status for run in read_runs()}
    assert states == {"tune": "KILLED", "trial-1": "FAILED", "trial-2": "FAILED", "trial-3": "FAILED"}


def start() -> subprocess.Popen[str]:
    """The command, as a process."""
    command = (sys.executable, "-m", "segline", "tune", "ranges.yaml", "--trials", "3", "--out", "tuned.yaml")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


def stop_after(text: str, number: int) -> list[str]:
    """Starts the command and sends a signal after the line with `text`; gives the lines until its end."""
    lines = []
    with start() as process:
        assert process.stdout
        for line in process.stdout:
            lines.append(line)
            if text in line:
                os.kill(process.pid, number)
    wait_for_end(process.pid)
    return lines


@pytest.mark.e2e
def test_a_search_that_is_killed_goes_on(project: Path) -> None:
    """A trial that was stopped goes on after its last epoch; each trial is one run below that of the search."""
    lines = stop_after("trial 1/3: epoch 2/3: loss", signal.SIGKILL)
    assert not any("finished" in line for line in lines)
    lines = stop_after("trial 2/3: epoch 2/3: loss", signal.SIGINT)
    assert not any("trial 1/3: epoch 1/3" in line for line in lines)
    assert any("trial 1/3: finished with mean IoU" in line for line in lines) and "interrupted" in lines[-1]
    with start() as process:
        out, _ = process.communicate()
    assert process.returncode == 0, out
    assert "trial 1/3" not in out and "trial 2/3: epoch 1/3: loss" not in out and "trial 3/3: finished" in out
    check_runs(read_runs())
    check_proposal(Path("tuned.yaml"))
    assert not list(TUNE.glob("*/trial-*")) and not Path("work/train").exists()
    tuning = segline.tune(Path("ranges.yaml"), trials=3)
    assert tuning and tuning.trials[0].outcome.state == FINISHED
    assert len(read_runs()) == 4


def check_runs(runs: list[Any]) -> None:
    """One of the search and one of each trial below it, all ended, with params, epochs, score and data set."""
    by_name: dict[str, Any] = {run.info.run_name: run for run in runs}
    assert sorted(by_name) == ["trial-1", "trial-2", "trial-3", "tune"] and len(runs) == 4
    assert {run.info.status for run in runs} == {"FINISHED"}
    parent = by_name.pop("tune")
    assert {run.data.tags["mlflow.parentRunId"] for run in by_name.values()} == {parent.info.run_id}
    scores = {name: run.data.metrics["best_val_mean_iou"] for name, run in by_name.items()}
    assert parent.data.metrics["best_val_mean_iou"] == max(scores.values()) and parent.data.metrics["num_trials"] == 3
    for run in by_name.values():
        assert run.data.metrics["best_val_mean_iou_low"] < run.data.metrics["best_val_mean_iou"]
        assert run.inputs.dataset_inputs and run.data.tags["segline.trial_state"] == FINISHED
        with opened() as (_, client):
            steps = [row.step for row in client.get_metric_history(run.info.run_id, "val_mean_iou")]
        assert sorted(steps) == [1, 2, 3]
    assert len({run.data.params["train.learning_rate"] for run in by_name.values()}) == 3


def check_proposal(path: Path) -> None:
    """It differs from params.yaml in values of the ranges only, and its values are those of the best run."""
    best = max(read_runs(), key=lambda run: (run.data.metrics["best_val_mean_iou"], run.info.run_name != "tune"))
    today, proposed = (flatten(parse_yaml(file.read_text())) for file in (Path("params.yaml"), path))
    changed = {name for name in today if today[name] != proposed[name]}
    assert changed <= {"train.learning_rate", "train.augment.crop"} and path.read_text().startswith("# ours\n")
    assert float(best.data.params["train.learning_rate"]) == proposed["train.learning_rate"]
    read_params(path)


@pytest.mark.e2e
def test_a_search_stops_if_the_data_change(project: Path) -> None:
    """Trials of other data do not compare."""
    search = replace(read_search(Path("ranges.yaml")), identity="other")
    with (
        opened_study(search.folder, search.ranges, 0, 0) as study,
        pytest.raises(StageError, match="data or code changed during the search, so a new study begins"),
    ):
        run_trials(study, search, 1, "run")
