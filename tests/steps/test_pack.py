"""A training that is packed for another machine."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.errors import ParamsError, StageError
from pipeline.steps.pack import PACKAGES, RECIPE, SCRIPT, pack, unpack
from pipeline.steps.preprocess import preprocess
from tests.benchmarks.machines import IMPORT, SMALL, run_words
from tests.clone import clone_environment, write_clone
from tests.drawn_data import CLASSES, small_content, small_params, write_data

OUT = Path("to-gpu")


@pytest.fixture
def _packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with packed arrays and params.yaml, to run in."""
    monkeypatch.chdir(tmp_path)
    preprocess(write_data(tmp_path), CLASSES, small_params().preprocess, Path("work/preprocess"))
    write_params()


def write_params(**changes: Any) -> None:
    """Writes params.yaml with changes to the section `train`."""
    Path("params.yaml").write_text(yaml.safe_dump(small_content(**changes)))


@pytest.mark.usefixtures("_packed")
def test_what_a_training_needs_is_packed_and_nothing_else() -> None:
    """Code, params, arrays and packages, without TensorFlow and what JAX brings; an older folder stays."""
    pack(OUT)
    names = {path.name for path in OUT.iterdir()}
    assert names == {"dvc.yaml", "params.yaml", "pipeline", "work", PACKAGES, RECIPE, SCRIPT}
    packages = {path.name for path in (OUT / PACKAGES).iterdir()}
    assert {"keras", "cv2", "PIL", "pydantic", "h5py"} <= packages and not {"tensorflow", "numpy", "mlflow"} & packages
    with pytest.raises(ParamsError, match="to-gpu: exists; name a new folder, or remove it"):
        pack(OUT)


@pytest.mark.usefixtures("_packed")
def test_the_result_of_another_recipe_is_not_taken_back() -> None:
    """The message names what differs; nor is one that has not ended."""
    pack(OUT)
    with pytest.raises(StageError, match=r"to-gpu/work/train/summary.json: not found, the training has not ended; run"):
        unpack(OUT)
    write_params(num_epochs=4)
    with pytest.raises(StageError, match="was trained with other params than there are here; bring those back"):
        unpack(OUT)
    (OUT / RECIPE).write_text("[]")
    with pytest.raises(StageError, match="other params and arrays and code"):
        unpack(OUT)
    assert not Path("work/train").exists()


@pytest.mark.usefixtures("_packed")
def test_another_python_is_told_apart(tmp_path: Path) -> None:
    """The packages are built for one version."""
    pack(OUT)
    other = tmp_path / "python"
    other.write_text("#!/bin/sh\necho 2.7\n")
    other.chmod(0o755)
    done = subprocess.run([OUT / SCRIPT], env=os.environ | {"PYTHON": str(other)}, capture_output=True, text=True)
    version = ".".join(map(str, sys.version_info[:2]))
    assert done.returncode == 1 and f"is Python 2.7, the packages here are of Python {version}" in done.stderr


@pytest.mark.e2e
def test_a_training_elsewhere_is_the_stage_train(tmp_path: Path) -> None:
    """DVC takes what comes back for the stage's output, so that the next run goes on with the export."""
    clone, out = tmp_path / "clone", tmp_path / "to-gpu"
    write_clone(clone, SMALL)
    environment = clone_environment()
    for words in (IMPORT, ("dvc", "repro", "preprocess"), ("segline", "pack", str(out))):
        code, output = run_words(words, clone, environment)
        assert not code, output
    chosen = {"PYTHON": sys.executable, "KERAS_BACKEND": "tensorflow"}  # JAX is not among the project's packages
    done = subprocess.run([out / SCRIPT], env=environment | chosen, capture_output=True, text=True, cwd=tmp_path)
    assert not done.returncode, done.stderr
    code, output = run_words(("segline", "unpack", str(out)), clone, environment)
    assert not code and "trained by tensorflow, val mean IoU" in output, output
    assert json.loads((clone / "work/train/summary.json").read_text())["num_epochs"] == SMALL["train"]["num_epochs"]
    code, output = run_words(("dvc", "repro", "export"), clone, environment)
    assert not code and "Stage 'train' didn't change, skipping" in output and "Running stage 'export'" in output, output
