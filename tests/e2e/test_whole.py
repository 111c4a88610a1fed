"""From drawn images to a champion and on: real stages, DVC, Prefect and MLflow in a clone of their own."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import yaml

from pipeline.disk.files import read_json
from pipeline.report.place import NEWEST
from pipeline.runtime.stages import MARKER, WORK, list_stages
from tests.conftest import PLACES, ROOT
from tests.flows.tiny_flow import ask_prefect, mlflow_states, run_module, started

pytestmark = pytest.mark.e2e
SMALL: dict[str, dict[str, Any]] = {
    "preprocess": {"image_size": [32, 48]},
    "train": {"num_epochs": 3, "batch_size": 4, "precision": "float32"},
    "gate": {"floors": {"mean_iou": 0.02}, "floors_low": {}},
}
FIRST = "segline/1('challenger', 'champion')"
ALL = list_stages(ROOT / "dvc.yaml")


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What the first `segline run --promote` says in the clone, which is the current folder; a copy is kept beside it.

    The clone is the files of this checkout, committed in a repository of their own, with small params and data. Its
    folder has a name that an address, a shell or a pattern could take for something else.
    """
    folder = tmp_path_factory.mktemp("e2e") / "clone %20?#é' [a]"
    list_files = ["git", "-c", "safe.directory=*", "ls-files", "-co", "--exclude-standard", "-z"]
    files = subprocess.check_output(list_files, cwd=ROOT, text=True)
    for name in filter(None, files.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    for name in ("data.dvc", "dvc.lock"):
        (folder / name).unlink(missing_ok=True)
    before = Path.cwd()
    os.chdir(folder)
    with pytest.MonkeyPatch.context() as patch:
        for name in PLACES:
            patch.delenv(name, raising=False)
        patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        network = {"name": "unet", "num_levels": 2, "width": 8, "dropout": 0.0}
        change_params(SMALL | {"train": SMALL["train"] | {"network": network}})
        change_params({"train": {"augment": read_params()["train"]["augment"] | {"crop": [32, 48]}}})
        for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "all"]):
            subprocess.run(["git", *command], check=True)
        segline("import", "demo", "--num-images", "60")
        output = segline("run", "--promote")
        shutil.copytree(folder, folder.with_name("kept"), symlinks=True)
        yield output
    os.chdir(before)


@pytest.fixture(autouse=True)
def _as_the_first_run_left_it(first_run: str) -> None:
    assert Path("../kept").is_dir()  # before anything is deleted: this is the clone
    for path in Path().iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    shutil.copytree("../kept", ".", symlinks=True, dirs_exist_ok=True)


def read_params() -> dict[str, Any]:
    """The content of params.yaml."""
    content: dict[str, Any] = yaml.safe_load(Path("params.yaml").read_text())
    return content


def change_params(changes: dict[str, Any]) -> None:
    """Writes new values into sections of params.yaml."""
    content = read_params()
    for section, values in changes.items():
        content[section] |= values
    Path("params.yaml").write_text(yaml.safe_dump(content, sort_keys=False))


def run(*words: str, code: int = 0) -> str:
    """Runs a Python module in the clone, with the clone's own code, to its end; gives its output."""
    found, output = run_module(*words)
    assert found == code, output
    return output


def segline(*words: str, code: int = 0) -> str:
    """Runs the command; gives its output."""
    return run("segline.command", *words, code=code)


def stages_run(output: str) -> list[str]:
    """The stages that DVC has run, by its own words."""
    return [name for name in list_stages() if f"Running stage '{name}'" in output]


def outputs() -> dict[str, str]:
    """MD5 of each stage's output, by dvc.lock."""
    stages = yaml.safe_load(Path("dvc.lock").read_text())["stages"]
    return {out["path"]: out["md5"] for stage in stages.values() for out in stage["outs"]}


def versions() -> str:
    """The registered versions with their aliases, as the clone's own registry gives them."""
    code = "from pipeline.registry.client import list_versions; print(*(f'{v}{v.aliases}' for v in list_versions()))"
    return subprocess.check_output([sys.executable, "-c", code], text=True).strip()


def test_a_run_ends_with_a_champion(first_run: str) -> None:
    """`segline run --promote` runs all stages, registers, promotes, and says where everything is."""
    assert stages_run(first_run) == ALL == [stage for stage in ALL if (WORK / stage / MARKER).is_file()]
    assert "champion:    segline/1" in first_run
    assert "/mlflow ui --backend-store-uri sqlite:///mlflow.db" in first_run
    assert "segline/1 became the champion" in Path("work/report.html").read_text()
    assert "Accepted by the gate" in Path("work/gate/report.html").read_text()
    assert versions() == FIRST
    assert "champion" in segline("status")


def test_prefect_shows_what_came_of_a_run() -> None:
    """The artifacts are the verdict, a row for each score, and links to the report."""
    (artifacts,) = ask_prefect("artifacts")
    data = {artifact["key"]: artifact["data"] for artifact in artifacts}
    assert data.keys() == {"verdict", "scores", "report", "decision"}
    assert data["verdict"].startswith("# Accepted")
    assert [row["score"] for row in json.loads(data["scores"])][:2] == ["mean IoU", "pixel accuracy"]
    assert NEWEST.exists() and all(f"({NEWEST.resolve().as_uri()})" in data[key] for key in ("report", "decision"))


def test_a_second_run_retrains_nothing_and_registers_nothing() -> None:
    """Neither `dvc repro` nor `segline run` runs a fresh stage; the same evidence gives no second version."""
    assert stages_run(run("dvc", "repro")) == []
    output = segline("run", "--promote")
    assert stages_run(output) == []
    assert "challenger:  segline/1" in output
    assert mlflow_states() == ["FINISHED"]


@pytest.mark.long
def test_all_stages_give_the_same_bytes_again() -> None:
    """Forced to run again, each stage writes what it wrote before, bit for bit."""
    before = outputs()
    assert sorted(before) == sorted(f"work/{name}" for name in ALL)
    assert stages_run(run("dvc", "repro", "--force")) == ALL
    assert outputs() == before


def test_a_version_is_made_again_and_verified() -> None:
    """Of the champion every hash agrees; made again from its commit in another folder, it has the same bytes."""
    output = segline("reproduce", "champion")
    assert "every output has the same bytes" in output, output
    assert all(f"Running stage '{stage}'" in output for stage in ALL), output
    assert "differs" not in segline("verify", "champion")
    shutil.rmtree(".segline/reproduce")


def test_a_changed_floor_runs_the_gate_alone() -> None:
    """A floor that is not reached rejects; nothing else is run, nothing registered, the champion stays."""
    change_params({"gate": {"floors": {"mean_iou": 0.99}}})
    output = segline("run", "--promote", code=3)
    assert stages_run(output) == ["gate"]
    assert "is below the floor 0.99" in output
    assert "the gate rejected this model" in segline("register", code=1)
    assert versions() == FIRST


def test_spoiled_weights_are_rejected() -> None:
    """A model whose weights were shuffled does not pass the gate that it passed before, and the champion stays."""
    mean_iou = read_json(Path("work/evaluate/scores.json"), "evaluate")["metrics"]["mean_iou"]["value"]
    change_params({"gate": {"floors": {"mean_iou": mean_iou - 0.001}}})
    rng = np.random.default_rng(0)
    with h5py.File("work/train/networks/01/model.weights.h5", "r+") as file:
        file.visititems(lambda _, item: shuffle(item, rng) if isinstance(item, h5py.Dataset) else None)
    run("dvc", "commit", "--force", "train")
    output = segline("run", "--promote", code=3)
    assert stages_run(output) == ["export", "evaluate", "gate"]
    assert versions() == FIRST


def shuffle(weights: h5py.Dataset, rng: np.random.Generator) -> None:
    """Puts the numbers of an array into another order."""
    weights[...] = rng.permutation(weights[...].ravel()).reshape(weights.shape)


def test_a_killed_training_ends_with_the_same_weights() -> None:
    """SIGKILL of the whole run after the first epoch: the next one goes on, and ends as one never disturbed."""
    change_params({"train": {"seed": 1, "num_epochs": 20}})  # so many that it is not over before it is killed
    with started("segline.command", "run") as killed:
        assert killed.stdout
        next(line for line in killed.stdout if "epoch 2/" in line)  # the first one's checkpoint is written
        os.kill(killed.pid, signal.SIGKILL)
    assert re.search(r"goes on after epoch [1-9]\d* of 20", segline("run"))
    continued = outputs()["work/train"]
    assert "goes on" not in run("dvc", "repro", "--force", "--single-item", "train")
    assert outputs()["work/train"] == continued
