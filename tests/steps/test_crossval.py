"""Tests of the step `crossval`."""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

import segline
from pipeline.dataset.manifest import MANIFEST, read_manifest, write_manifest
from pipeline.disk.files import md5_of, read_json
from pipeline.errors import ParamsError, StageError
from pipeline.evaluation.bootstrap import Interval
from pipeline.evaluation.image_table import ImageTable
from pipeline.registry.connection import opened
from pipeline.runtime.stages import MARKER
from pipeline.serving.model_card import ModelCard
from pipeline.steps.crossval import OUT, STAGES, CrossValidation, FoldScore, crossval, read_plan, run_fold, show
from pipeline.trials.project import CROSSVAL
from tests.drawn_data import small_content, write_data
from tests.finished_project import use_registry
from tests.processes import wait_for_end

pytestmark = pytest.mark.services

ROOT = Path(__file__).parents[2]
NAN = float("nan")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with 20 groups of one image in train and val, and 4 in test, as the current directory."""
    monkeypatch.chdir(tmp_path)
    use_registry(tmp_path, monkeypatch)
    write_data(tmp_path)
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    Path("data.dvc").write_text("outs:\n- {md5: d1.dir, path: data}\n")
    write_params()
    return tmp_path


def write_params(unit: str = "group", **changes: Any) -> None:
    """Writes params.yaml with a unit of the bootstrap and changes to the section `train`."""
    content = small_content(**changes)
    content["evaluate"]["bootstrap"]["unit"] = unit
    Path("params.yaml").write_text(yaml.safe_dump(content))


def join_groups() -> None:
    """Puts all samples of train and val into three groups."""
    write_manifest(MANIFEST, [replace(row, group=f"g{int(row.name[1:]) % 3}") for row in read_manifest()])


@pytest.mark.parametrize("num_folds", [1, 21])
def test_a_wrong_number_of_folds_is_refused(project: Path, num_folds: int) -> None:
    """Before anything is read."""
    with pytest.raises(ParamsError, match=f"--folds is {num_folds}, expected 2 to 20"):
        crossval(num_folds, None)


def test_nothing_is_replaced_by_the_ensemble(project: Path) -> None:
    """A folder that is there may be anything."""
    with pytest.raises(ParamsError, match="--export is data, which exists; name a new folder"):
        crossval(2, Path("data"))


def test_too_few_groups_are_refused(project: Path) -> None:
    """The message says how many there are; nothing was trained."""
    join_groups()
    with pytest.raises(ParamsError, match="--folds is 4, train and val have 3 groups; lower --folds"):
        crossval(4, None)
    assert not CROSSVAL.exists()


def test_images_are_folded_if_they_are_independent(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Which is said; test is in no fold."""
    join_groups()
    write_params(unit="image")
    plan = read_plan(4)
    assert plan.unit == "image" and "so images are put into folds" in capsys.readouterr().out
    test = {row.name for row in read_manifest() if row.split == "test"}
    assert len(test) == 4 and not any(row.name in test for rows in plan.manifests for row in rows)


def test_other_params_or_data_begin_a_new_one(project: Path) -> None:
    """But not those of the bootstrap or the gate, on which no fold depends."""
    first = read_plan(2).identity
    write_params(unit="image")
    assert read_plan(2).identity == first != read_plan(3).identity
    write_params(learning_rate=0.5)
    second = read_plan(2).identity
    rows = read_manifest()
    write_manifest(MANIFEST, [replace(rows[0], mask_md5="0"), *rows[1:]])
    assert len({first, second, read_plan(2).identity}) == 3


def test_a_fold_of_other_params_is_not_kept(project: Path) -> None:
    """They changed while it ran."""
    plan = replace(read_plan(2), identity="other")
    for stage in STAGES:
        (plan.folder / "project-1/work" / stage).mkdir(parents=True)
        (plan.folder / "project-1/work" / stage / MARKER).touch()
    with pytest.raises(StageError, match="params, data or code changed during the cross-validation"):
        run_fold(plan, 1, "run")
    assert not plan.kept[0].exists()


def test_scores_are_shown(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A class on too few groups has no interval."""
    iou = {"sky": Interval(0.9, 0.8, 0.95, 9), "car": Interval(0.5, NAN, NAN, 2)}
    show(CrossValidation("group", Interval(0.7, 0.6, 0.8, 9), iou, (FoldScore(1, 12, 9, 0.65, 3),), None))
    out = " ".join(capsys.readouterr().out.split())
    assert "1 12 9 3 0.6500" in out and "sky 0.9000 (0.8000 to 0.9500)" in out and "car 0.5000 (too few" in out
    assert "mean IoU out of fold 0.7000 (0.6000 to 0.8000)" in out


def start() -> subprocess.Popen[str]:
    """The command, as a process."""
    command = (sys.executable, "-m", "segline", "crossval", "--folds", "2", "--export", "ensemble")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


@pytest.mark.e2e
def test_a_cross_validation_that_is_killed_goes_on(project: Path) -> None:
    """A finished fold is not trained again; scores, runs and ensemble are those of two folds."""
    with start() as process:
        for line in process.stdout or ():
            if line.startswith("crossval 2/2: train"):
                os.kill(process.pid, signal.SIGKILL)
    wait_for_end(process.pid)
    assert [path.name for path in CROSSVAL.glob("*/fold-*")] == ["fold-01"] and not OUT.exists()
    with start() as process:
        out, _ = process.communicate()
    assert process.returncode == 0, out
    assert "crossval 1/2" not in out and "crossval 2/2: preprocess" not in out and "crossval 2/2: train" in out
    check_scores(read_json(OUT / MARKER, "crossval"))
    check_runs()
    check_ensemble()
    assert not list(CROSSVAL.glob("*/project-*")) and not Path("work/train").exists()
    assert segline.crossval(folds=2).ensemble is None and len(read_runs()) == 3


def check_scores(summary: dict[str, Any]) -> None:
    """Each sample of train and val is scored once, those of test never; the folds make up the whole."""
    table = ImageTable.read(OUT / "per_image.csv")
    assert list(table.names) == sorted(row.name for row in read_manifest() if row.split != "test")
    assert summary["mean_iou"]["low"] <= summary["mean_iou"]["estimate"] <= summary["mean_iou"]["high"]
    assert summary["mean_iou"]["num_units"] == 20 and set(summary["iou"]) == {"ground", "box", "sign"}
    assert [fold["num_images"] for fold in summary["folds"]] == [10, 10] and summary["unit"] == "group"


def read_runs() -> list[Any]:
    """All MLflow runs."""
    with opened() as (_, client):
        return list(client.search_runs([client.get_experiment_by_name("segline").experiment_id]))


def check_runs() -> None:
    """One of the whole and one of each fold below it, all ended."""
    by_name: dict[str, Any] = {run.info.run_name: run for run in read_runs()}
    assert sorted(by_name) == ["crossval", "fold-1", "fold-2"]
    assert {run.info.status for run in by_name.values()} == {"FINISHED"}
    parent = by_name.pop("crossval")
    assert {"mean_iou", "mean_iou_low", "iou/box", "num_folds"} <= set(parent.data.metrics)
    for run in by_name.values():
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert {"mean_iou", "val_mean_iou"} <= set(run.data.metrics) and "train.seed" in run.data.params


def check_ensemble() -> None:
    """Its card names the weights of both folds, and it predicts."""
    weights = [md5_of(path) for path in sorted(CROSSVAL.glob("*/fold-*/model.weights.h5"))]
    assert list(ModelCard.read(Path("ensemble")).weights_md5) == weights and len(set(weights)) == 2
    content = read_json(OUT / MARKER, "crossval")["ensemble"]
    assert content["weights_md5"] == weights and content["probability_difference"] <= 1e-3
    command = (sys.executable, "-m", "segline", "predict", "ensemble", "data/images/s000.png", "masks")
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert Path("masks/masks/s000.png").exists()
