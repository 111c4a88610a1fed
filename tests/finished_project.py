"""A project in which every stage has run, drawn small, and a registry for it: what registering starts from."""

import atexit
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline.dataset.contract import ClassList, write_contract
from pipeline.dataset.fingerprint import FINGERPRINT, Fingerprint
from pipeline.dataset.manifest import MANIFEST, ManifestRow, read_manifest, write_manifest
from pipeline.disk.files import md5_of, write_json
from pipeline.disk.yaml_text import parse_yaml, to_yaml
from pipeline.evaluation.bootstrap import Interval
from pipeline.evaluation.scores import Baseline, Scores, evidence_of
from pipeline.registry.connection import opened
from pipeline.runtime.stages import MARKER, PARAMS, WORK
from pipeline.serving.model_card import MODEL
from pipeline.steps import gate
from tests.made_scores import made_scores
from tests.tiny_model import write_tiny_model

CLASSES = ClassList(("sky", "road"), ((0, 0, 255), (90, 90, 90)), 255)
ROOT = Path(__file__).parents[1]
STAGES = {"train": ("data", "work/train"), "export": ("work/train", "work/export")}
STAGES |= {"evaluate": ("work/export", "work/evaluate"), "gate": ("work/evaluate", "work/gate")}


def write_project(root: Path, monkeypatch: pytest.MonkeyPatch, favourite: int = 1) -> None:
    """Fills the folder `root` with a finished and committed project, and changes to it."""
    monkeypatch.chdir(root)
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "test")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "test@example.org")
    write_code(root)
    write_data(root / "data")
    write_work(favourite)
    write_lock()
    commit()


def write_code(root: Path) -> None:
    """Writes what stands in git."""
    stages = {name: {"cmd": f"make {name}", "deps": [dep], "outs": [out]} for name, (dep, out) in STAGES.items()}
    stages["train"] |= {"params": ["train"]}
    for name in ("pipeline", "flows"):
        (root / name).mkdir()
        (root / name / "code.py").write_text("x = 1\n")
    (root / "dvc.yaml").write_text(to_yaml({"stages": stages}))
    (root / "pyproject.toml").write_text("[project]\n")
    (root / "requirements.lock").write_text("numpy==2\n")
    (root / ".gitignore").write_text("/data/\n/work\n/ml*\n.segline/\n")
    params = (ROOT / PARAMS).read_text().replace("image_size: [128, 176]", "image_size: [32, 32]")
    (root / PARAMS).write_text(params)


def write_data(data: Path, split: str = "test") -> None:
    """Draws two images of which the lower three quarters are road, and their manifest."""
    rows = []
    for side in ("images", "masks"):
        (data / side).mkdir(parents=True, exist_ok=True)
    mask = np.ones((8, 8), np.uint8)
    mask[:2] = 0
    for index in range(2):
        image_path, mask_path = data / f"images/{index}.png", data / f"masks/{index}.png"
        Image.fromarray(np.full((8, 8, 3), index, np.uint8)).save(image_path)
        Image.fromarray(mask).save(mask_path)
        paths = (image_path.relative_to(data.parent), mask_path.relative_to(data.parent))
        rows.append(ManifestRow(str(index), *paths, "group", split, 8, 8, md5_of(image_path), md5_of(mask_path)))
    write_contract(data, CLASSES, [])
    write_manifest(data.parent / MANIFEST, rows)


def write_work(favourite: int) -> None:
    """Writes what the stages leave, with a model whose mean IoU is 3/8 (road) or 1/8 (sky), and the gate's verdict."""
    shutil.copytree(tiny_model(favourite), MODEL)
    write_json(Path("work/export/parity.json"), {})
    for stage in STAGES:
        write_json(WORK / stage / MARKER, {"precision": "float32", "machines": [{"cpu": "one"}]})
    Path("work/train/history.csv").write_text("epoch,loss,val_mean_iou\n1,0.5,0.25\n2,0.25,\n")
    Path("work/validate/data_docs").mkdir()
    Path("work/validate/data_docs/index.html").write_text("<html>\n")
    write_fingerprint()
    make_scores().write()
    gate.main()


def write_fingerprint() -> None:
    """Writes the fingerprint of a training split that shows both classes."""
    Path("work/preprocess").mkdir()
    pixels = {"sky": 16, "road": 48}
    Fingerprint(CLASSES, (32, 32), {"train": 1}, (99.0,) * 3, (70.0,) * 3, pixels, {}).write(FINGERPRINT)


def make_scores(**changes: Any) -> Scores:
    """Scores of the model in `work/export` that pass the gate, but for the changes."""
    usual: dict[str, Any] = {
        "iou": {"sky": 0.7, "road": 0.9},
        "interval": Interval(0.8, 0.75, 0.85, 5),
        "baseline": Baseline("road", 0.375, 0.75),
        "evidence": evidence_of(MODEL, read_manifest()),
    }
    return made_scores(**(usual | changes))


def write_lock() -> None:
    """Writes `data.dvc` and `dvc.lock` as DVC does."""
    outs = [{"md5": md5_of(Path("data")), "hash": "md5", "path": "data"}]
    Path("data.dvc").write_text(to_yaml({"outs": outs}))
    stages: dict[str, dict[str, Any]] = {}
    for name, (dep, out) in STAGES.items():
        sides = {side: [{"path": path, "md5": md5_of(Path(path))}] for side, path in (("deps", dep), ("outs", out))}
        stages[name] = {"cmd": f"make {name}", **sides}
    stages["train"]["params"] = {"params.yaml": {"train": parse_yaml(PARAMS.read_text())["train"]}}
    Path("dvc.lock").write_text(to_yaml({"schema": "2.0", "stages": stages}))


def commit() -> None:
    """Commits everything that git does not ignore."""
    for command in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "--message", "all")):
        subprocess.run(("git", *command), check=True, env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull})


def use_registry(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets an empty MLflow registry on SQLite in a folder."""
    shutil.copy(empty_registry(), folder / "mlflow.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
    for name in ("MLFLOW_RUN_ID", "SEGLINE_MODEL_NAME", "SEGLINE_EXPERIMENT"):
        monkeypatch.delenv(name, raising=False)


@cache
def empty_registry() -> Path:
    """An SQLite file with MLflow's tables; making them takes seconds, copying them none."""
    file = temporary_folder() / "mlflow.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{file}")
        with opened() as (_, client):
            client.search_experiments()
    return file


@cache
def tiny_model(favourite: int) -> Path:
    """A model that always says class `favourite`, written once."""
    return write_tiny_model(temporary_folder() / "model", CLASSES, favourite)


def temporary_folder() -> Path:
    """A folder that goes with the process."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
