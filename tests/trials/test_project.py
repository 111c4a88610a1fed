"""Tests of pipeline/trials/project.py."""

import shutil
from pathlib import Path

import pytest
import yaml

from pipeline.dataset.packed import PREPROCESS
from pipeline.errors import EvidenceError, StageError
from pipeline.steps.preprocess import preprocess
from pipeline.training.precision import STEP_TIMES
from pipeline.trials.project import finish_stages, prepare, read_arrays, run_step
from tests.drawn_data import CLASSES, small_content, small_params, write_data
from tests.networks.small import SMALL


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with packed arrays, as the current directory."""
    monkeypatch.chdir(tmp_path)
    preprocess(write_data(tmp_path), CLASSES, small_params().preprocess, tmp_path / PREPROCESS)
    return tmp_path


def test_a_training_has_a_project_of_its_own(project: Path) -> None:
    """Its params are the given ones, data and step times are links; making it again keeps what it has."""
    for _ in range(2):
        prepare(project / "one", small_content(seed=5))
        (project / "one/work/train").mkdir(parents=True, exist_ok=True)
    assert yaml.safe_load((project / "one/params.yaml").read_text()) == small_content(seed=5)
    assert (project / "one" / PREPROCESS).resolve() == project / PREPROCESS
    assert (project / "one/data").is_symlink() and (project / "one/work/train").is_dir()
    assert (project / "one" / STEP_TIMES).resolve() == project / STEP_TIMES
    prepare(project / "two", small_content(), [Path("data")])
    assert (project / "two/data").is_symlink() and not (project / "two/work").exists()


def test_weights_to_start_from_are_shared(project: Path) -> None:
    """Their place in the params is relative to the project."""
    Path("pretrained").mkdir()
    Path("pretrained/start.h5").touch()
    network = {**SMALL["encoder_unet"], "name": "encoder_unet", "encoder_weights": "pretrained/start.h5"}
    prepare(project / "one", small_content(network=network))
    assert (project / "one/pretrained/start.h5").resolve() == project / "pretrained/start.h5"


def test_arrays_have_to_be_there(project: Path) -> None:
    """The message says what to run."""
    assert read_arrays().num_images["val"] == 4
    (project / PREPROCESS / "val_masks.npy").unlink()
    with pytest.raises(EvidenceError, match="val_masks.npy not found; run `dvc repro preprocess` first"):
        read_arrays()
    shutil.rmtree(project / PREPROCESS)
    with pytest.raises(EvidenceError, match=r"fingerprint.json: not found"):
        read_arrays()


@pytest.mark.e2e
def test_stages_that_have_run_are_not_run_again(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One that fails is named with its last lines, and its output has the prefix in front."""
    (project / "one/work/train").mkdir(parents=True)
    (project / "one/work/train/summary.json").touch()
    finish_stages(project / "one", ("train",), "seed 1: ")
    assert not capsys.readouterr().out
    with pytest.raises(StageError, match=r"what has finished is kept; .* exit code 1; (.|\n)*No module named"):
        finish_stages(project / "one", ("train", "gone"), "seed 1: ")
    assert capsys.readouterr().out.startswith("seed 1: gone\nseed 1: ")


@pytest.mark.e2e
def test_a_step_runs_in_its_project(project: Path) -> None:
    """It sees our code and the added variables; if it fails, its last lines are in the message."""
    prepare(project / "one", small_content())
    lines: list[str] = []
    with pytest.raises(StageError, match=r"-m pipeline.steps.evaluate ended with exit code 1(.|\n)*export"):
        run_step(project / "one", "evaluate", lines.append, {"TZ": "UTC"})
    assert "export" in lines[-1]
