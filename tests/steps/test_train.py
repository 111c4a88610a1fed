"""The stage `train`."""

import csv
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from pipeline.checkpoints import Checkpoint
from pipeline.errors import ParamsError
from pipeline.files import md5_of
from pipeline.fingerprint import Fingerprint
from pipeline.packed import read_packed
from pipeline.steps.preprocess import preprocess
from pipeline.steps.train import TRAIN, check_batch_size, train
from tests.drawn_data import CLASSES, small_content, small_params, write_data
from tests.processes import wait_for_end

COMMAND = [sys.executable, "-u", "-m", "pipeline.steps.train"]
PACKED = Path("work/preprocess")
NUM_EPOCHS = 30
"""So many that a training is not over before it is killed."""


@pytest.fixture(autouse=True)
def _packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with packed arrays and params.yaml, to run in."""
    monkeypatch.chdir(tmp_path)
    preprocess(write_data(tmp_path), CLASSES, small_params().preprocess, PACKED)
    write_params()


def write_params(**changes: Any) -> None:
    """Writes params.yaml with changes to the section `train`."""
    Path("params.yaml").write_text(yaml.safe_dump(small_content(**changes)))


def train_here(**changes: Any) -> Any:
    """Trains in this process."""
    sets = read_packed("train"), read_packed("val")
    return train(*sets, Fingerprint.read(), small_params(**changes).train, TRAIN)


def run_program() -> str:
    """Trains as the stage does; returns what it printed."""
    done = subprocess.run(COMMAND, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return done.stdout


def kill_program() -> Path:
    """Trains as the stage does and kills that after its first epoch; returns the checkpoint that it has left."""
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        next(line for line in process.stdout if line.startswith("epoch 2/"))  # the first one's checkpoint is written
        process.kill()
    (path,) = Path("checkpoints").glob("*.npz")
    return path


def test_batch_larger_than_train_is_refused() -> None:
    """The message gives both numbers."""
    with pytest.raises(ParamsError, match="`train.batch_size` is 17, train has 16 images; lower it"):
        train_here(batch_size=17)


def test_unequal_parts_for_the_gpus_are_refused() -> None:
    """Every GPU gets the same number of images; without one any number will do."""
    check_batch_size(5, 0)
    check_batch_size(6, 3)
    with pytest.raises(ParamsError, match="is 5, 2 GPUs are visible; expected a multiple"):
        check_batch_size(5, 2)


def test_crop_larger_than_the_packed_size_is_refused() -> None:
    """The message gives both sizes."""
    augment = small_content()["train"]["augment"] | {"crop": [33, 48]}
    with pytest.raises(ParamsError, match=r"crop` is \[33, 48\], images are packed at \[32, 48\]"):
        train_here(augment=augment)


def test_no_validation_image_is_refused(tmp_path: Path) -> None:
    """Without val no epoch can be called the best."""
    preprocess(write_data(tmp_path, num_val=0), CLASSES, small_params().preprocess, PACKED)
    with pytest.raises(ParamsError, match="val has no image"):
        train_here()


@pytest.mark.e2e
def test_the_same_bytes_twice_and_after_a_kill() -> None:
    """Two runs and one killed after its first epoch end with the same files; the checkpoint goes when it has served."""
    write_params(num_epochs=NUM_EPOCHS)
    run_program()
    undisturbed = md5_of(TRAIN)
    run_program()
    assert md5_of(TRAIN) == undisturbed and not list(Path("checkpoints").glob("*.npz"))
    kill_program()
    assert re.search(rf"goes on after epoch [1-9]\d* of {NUM_EPOCHS}", run_program())
    assert md5_of(TRAIN) == undisturbed


@pytest.mark.e2e
def test_it_learns_and_keeps_the_best_epoch() -> None:
    """Two coloured shapes are learnt well; the summary names the best epoch of the history."""
    write_params(num_epochs=40, batch_size=2, unet={"num_levels": 2, "width": 8, "dropout": 0.0})
    run_program()
    rows = list(csv.DictReader((TRAIN / "history.csv").read_text().splitlines()))
    scores = [float(row["val_mean_iou"]) for row in rows]
    summary = yaml.safe_load((TRAIN / "summary.json").read_text())
    assert max(scores) > 0.7 and summary["best_epoch"] == scores.index(max(scores)) + 1 and len(rows) == 40


@pytest.mark.e2e
def test_early_stopping_stops() -> None:
    """With a learning rate of next to nothing and patience 1, not all epochs are run."""
    write_params(num_epochs=30, early_stopping_epochs=1, learning_rate=1e-12)
    assert "stopped early" in run_program()


@pytest.mark.e2e
def test_an_exploding_loss_stops_with_advice() -> None:
    """The loss that is not finite is named, and so is what to change."""
    write_params(learning_rate=10.0, weight_decay=10.0, clip_norm=1e9, warmup_epochs=0.0, num_epochs=40)
    done = subprocess.run(COMMAND, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "the loss is " in done.stderr and "lower train.learning_rate" in done.stderr
    assert not TRAIN.exists()


@pytest.mark.e2e
def test_an_orphan_stops_by_itself() -> None:
    """A training whose starter was killed does not live on beside the next one."""
    write_params(num_epochs=10_000)
    starter = f"import subprocess; print(subprocess.Popen({COMMAND!r}).pid, flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", starter], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        lines = iter(parent.stdout.readline, b"")
        pid = int(next(lines))
        next(line for line in lines if line.startswith(b"epoch 2/"))
        parent.kill()
        try:
            wait_for_end(pid)  # while its output can be written: else it would die of that
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def damage(path: Path) -> None:
    """Cuts a file off."""
    path.write_bytes(path.read_bytes()[:1000])


def widen(path: Path) -> None:
    """Gives the last variable of a checkpoint one number more."""
    saved = Checkpoint.read(path)
    replace(saved, state=[*saved.state[:-1], np.append(saved.state[-1], 0)]).write(path)


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("spoil", "told"),
    [(damage, "the checkpoint is damaged"), (widen, "the checkpoint is of another network; delete")],
    ids=["damaged", "foreign"],
)
def test_a_checkpoint_that_does_not_fit_is_refused(spoil: Callable[[Path], None], told: str) -> None:
    """It is named and kept, not loaded by halves."""
    write_params(num_epochs=NUM_EPOCHS)
    path = kill_program()
    spoil(path)
    done = subprocess.run(COMMAND, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and f"{path}: {told}" in done.stderr and path.exists()
