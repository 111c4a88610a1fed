"""The stage `train`."""

import csv
import json
import os
import re
import shutil
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

from pipeline.dataset.fingerprint import Fingerprint
from pipeline.dataset.packed import read_packed
from pipeline.disk.files import md5_of
from pipeline.disk.records import read_record, write_record
from pipeline.errors import ParamsError
from pipeline.monitoring.journal import find_journal, read_training
from pipeline.steps.preprocess import preprocess
from pipeline.steps.train import TRAIN, build_trainer, check_batch_size, epoch_batches, train
from pipeline.training.checkpoints import EVERY, NEWEST, OLDER, read_newest
from pipeline.training.machine import has_bfloat16
from pipeline.training.precision import BFLOAT16, FLOAT32, STEP_TIMES, StepTimes
from tests.drawn_data import CLASSES, small_content, small_params, write_data
from tests.processes import wait_for_end

COMMAND = [sys.executable, "-u", "-m", "pipeline.steps.train"]
PACKED = Path("work/preprocess")
NUM_EPOCHS = 30
"""So many that a training is not over before it is killed."""
OPTIONS: dict[str, Any] = {
    "ema_decay": 0.9,
    "label_smoothing": 0.1,
    "auxiliary_weight": 0.4,
    "small_epochs": 1,
    "augment": small_content()["train"]["augment"]
    | {"gamma": 0.5, "white_balance": 0.2, "rare_class_share": 0.5, "class_mix": 0.5},
}


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


def run_program(**environment: str) -> str:
    """Trains as the stage does, with more in the environment; returns what it printed."""
    done = subprocess.run(COMMAND, capture_output=True, text=True, check=False, env=os.environ | environment)
    assert not done.returncode, done.stderr
    return done.stdout


def read_summary() -> dict[str, Any]:
    """What the training has left of itself."""
    summary: dict[str, Any] = json.loads((TRAIN / "summary.json").read_text())
    return summary


def md5_of_model() -> list[str]:
    """Weights, network and history."""
    return [md5_of(TRAIN / name) for name in ("networks", "history.csv")]


def turn_step_times() -> str:
    """Makes of the precision that was measured as the faster one the slower; returns the other."""
    (path,) = STEP_TIMES.iterdir()
    is_bfloat16 = read_record(path, StepTimes, "train").faster == BFLOAT16
    write_record(path, StepTimes(1.0, 9.0 if is_bfloat16 else 0.1, None))
    return FLOAT32 if is_bfloat16 else BFLOAT16


def kill_program(after: str = "", **environment: str) -> Path:
    """Trains as the stage does and kills that after the first epoch that follows on a line with the text `after`.

    Returns the folder of checkpoints of the network that it was about.
    """
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, text=True, env=os.environ | environment) as process:
        assert process.stdout
        next(line for line in process.stdout if after in line)
        next(line for line in process.stdout if line.startswith("epoch 2/"))  # the first one's checkpoint is written
        process.kill()
    return max(Path("checkpoints").glob("train-*"), key=lambda folder: (folder / NEWEST).stat().st_mtime_ns)


def test_options_reach_the_trainer() -> None:
    """Each is off unless params ask for it."""
    trainers = [
        build_trainer(Fingerprint.read(), small_params(**changes).train, 0, FLOAT32) for changes in ({}, OPTIONS)
    ]
    assert [(trainer.label_smoothing, trainer.ema_decay) for trainer in trainers] == [(0.0, 0.0), (0.1, 0.9)]
    assert not trainers[0].average and trainers[1].average
    assert not trainers[0].auxiliary and trainers[1].auxiliary
    small, whole = (
        epoch_batches(read_packed("train"), Fingerprint.read(), small_params(**OPTIONS).train, i) for i in (0, 1)
    )
    assert (small.crop, whole.crop) == ((12, 16), (24, 32))


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


@pytest.mark.long
@pytest.mark.e2e
def test_the_same_bytes_twice_and_after_a_kill() -> None:
    """Two runs and one killed after its first epoch end with the same files; the checkpoint goes when it has served.

    The precision is measured once; a training that was killed goes on in its own, whatever would be chosen now.
    """
    write_params(num_epochs=NUM_EPOCHS, precision="auto")
    run_program()
    undisturbed = md5_of(TRAIN)
    run_program()
    assert md5_of(TRAIN) == undisturbed and not list(Path("checkpoints").glob("train-*"))
    kill_program()
    turn_step_times()
    output = run_program()
    assert (
        re.search(rf"goes on after epoch [1-9]\d* of {NUM_EPOCHS}", output) and "another kind of machine" not in output
    )
    assert md5_of(TRAIN) == undisturbed


@pytest.mark.long
@pytest.mark.e2e
def test_with_all_options_a_killed_training_ends_with_the_same_bytes() -> None:
    """An average of the weights, smooth labels and crops around rare classes: all state is in the checkpoint."""
    write_params(num_epochs=NUM_EPOCHS, **OPTIONS)
    run_program()
    undisturbed = md5_of(TRAIN)
    kill_program()
    assert "goes on after epoch" in run_program() and md5_of(TRAIN) == undisturbed


@pytest.mark.long
@pytest.mark.e2e
def test_several_networks_learn_and_none_learns_twice() -> None:
    """Killed while the second learns, the first has ended; all bytes are those of an undisturbed training."""
    write_params(num_epochs=NUM_EPOCHS, num_networks=2)
    run_program()
    undisturbed, summary = md5_of(TRAIN), read_summary()
    first, second = (md5_of(TRAIN / "networks" / name) for name in ("01", "02"))
    rows = list(csv.DictReader((TRAIN / "history.csv").read_text().splitlines()))
    scores = [float(row["val_mean_iou"]) for row in rows]
    assert [int(row["epoch"]) for row in rows] == list(range(1, 2 * NUM_EPOCHS + 1)) and first != second
    assert (summary["num_networks"], summary["num_epochs"]) == (2, 2 * NUM_EPOCHS)
    assert summary["val_mean_iou"] == max(scores) == scores[summary["best_epoch"] - 1]
    shutil.rmtree(TRAIN)  # as DVC does before a stage
    kill_program(after="network 2 of 2")
    assert len(list(Path("checkpoints").glob("train-*"))) == 2
    output = run_program()
    assert f"goes on after epoch {NUM_EPOCHS} of {NUM_EPOCHS}" in output
    assert md5_of(TRAIN) == undisturbed and not list(Path("checkpoints").glob("train-*"))
    write_params(num_epochs=NUM_EPOCHS)
    run_program()
    assert md5_of(TRAIN / "networks/01") == first  # the first of several is the only one of one


@pytest.mark.long
@pytest.mark.e2e
def test_auto_is_the_precision_that_it_chooses() -> None:
    """Measured in a process of its own, it leaves no trace: the bits are those of the precision asked for by name.

    Emulated bfloat16 takes minutes and is never chosen, so only a processor with instructions for it tries both.
    """
    bits_of = {}
    for turn in (lambda: None, turn_step_times) if has_bfloat16() else (lambda: None,):
        turn()
        write_params(precision="auto", num_epochs=2)
        output = run_program()
        summary = read_summary()
        assert f"train: precision {summary['precision']}, measured: a step takes" in output
        assert summary["precision_by"] == "measured"
        bits_of[summary["precision"]] = md5_of_model()
    for precision, bits in bits_of.items():
        write_params(precision=precision, num_epochs=2)
        run_program()
        assert md5_of_model() == bits and read_summary()["precision_by"] == "params"
    assert len(set(map(tuple, bits_of.values()))) == (2 if has_bfloat16() else 1)


@pytest.mark.long
@pytest.mark.e2e
def test_without_bfloat16_operations_auto_is_float32() -> None:
    """Emulated bfloat16 is slower than float32 even on a network this small; asked for by name it is warned of."""
    write_params(precision="auto", num_epochs=1)
    assert "train: precision float32, measured" in run_program(TF_ENABLE_ONEDNN_OPTS="0")
    write_params(precision=BFLOAT16, num_epochs=1)
    assert "mixed_bfloat16 is slower on this machine than float32" in run_program(TF_ENABLE_ONEDNN_OPTS="0")


@pytest.mark.e2e
@pytest.mark.skipif(
    not has_bfloat16(),
    reason="oneDNN fails only on a processor that has bfloat16 instructions which a setting takes away",
)
def test_bfloat16_that_fails_is_not_chosen_and_refused_early() -> None:
    """`auto` tells the failure and trains in float32; asked for by name it is an error before the first epoch."""
    write_params(precision="auto", num_epochs=1)
    output = run_program(ONEDNN_MAX_CPU_ISA="AVX2")
    assert "mixed_bfloat16 fails (" in output and read_summary()["precision"] == FLOAT32
    write_params(precision=BFLOAT16)
    environment = os.environ | {"ONEDNN_MAX_CPU_ISA": "AVX2"}
    done = subprocess.run(COMMAND, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 1 and "mixed_bfloat16 does not run on this machine" in done.stderr
    assert "set train.precision to float32" in done.stderr and "epoch" not in done.stdout


@pytest.mark.e2e
def test_another_kind_of_machine_goes_on_with_a_word() -> None:
    """Threads and instructions may change between kill and resume; that is reported, and stays with the result."""
    write_params(num_epochs=NUM_EPOCHS, num_threads=2)
    kill_program()
    write_params(num_epochs=NUM_EPOCHS, num_threads=1)
    output = run_program(ONEDNN_MAX_CPU_ISA="AVX2")
    assert "goes on after epoch" in output and output.count("another kind of machine") == 1
    assert "not bit-identical" in output and "threads 2, then 1; ONEDNN_MAX_CPU_ISA none, then AVX2" in output
    summary = read_summary()
    assert summary["num_machines"] == 2 and [machine["threads"] for machine in summary["machines"]] == ["2", "1"]


@pytest.mark.e2e
def test_a_full_disk_is_reported_before_the_first_epoch(tmp_path: Path) -> None:
    """Room for checkpoints and weights is looked at first; nothing is left half written."""
    mount = f"mount -t tmpfs -o size=64k tmpfs {tmp_path}/checkpoints"
    (tmp_path / "checkpoints").mkdir()
    space = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    if not shutil.which("unshare") or subprocess.run([*space, mount], capture_output=True).returncode:
        pytest.skip("this system lets nobody but root mount a small disk")
    done = subprocess.run([*space, f'{mount} && "$0" "$@"', *COMMAND], capture_output=True, text=True)
    assert done.returncode == 1 and "checkpoints: no space left on the disk: 0.4 MB are needed" in done.stderr
    assert "Traceback" not in done.stderr and "epoch" not in done.stdout and not TRAIN.exists()


@pytest.mark.e2e
def test_it_learns_and_keeps_the_best_epoch() -> None:
    """Two coloured shapes are learnt well; the summary names the best epoch of the history."""
    write_params(num_epochs=40, batch_size=2, network={"name": "unet", "num_levels": 2, "width": 8, "dropout": 0.0})
    run_program()
    rows = list(csv.DictReader((TRAIN / "history.csv").read_text().splitlines()))
    scores = [float(row["val_mean_iou"]) for row in rows]
    summary = yaml.safe_load((TRAIN / "summary.json").read_text())
    folder = find_journal([Path()])
    shown = folder and read_training(folder)
    assert shown and shown.end == "" and [epoch.metrics["val_mean_iou"] for epoch in shown.epochs] == scores
    assert max(shown.epochs[-1].iou) > 0.7 and shown.epochs[-1].left_s == 0
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


def damage(folder: Path) -> None:
    """Cuts all files off."""
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes()[:1000])


def widen(folder: Path) -> None:
    """Writes a checkpoint whose last variable has one number more."""
    saved = read_newest(folder)
    assert saved
    replace(saved, state=[*saved.state[:-1], np.append(saved.state[-1], 0)]).write(folder)


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("spoil", "refusal"),
    [(damage, "the checkpoint is damaged"), (widen, "the checkpoint is of another network; delete")],
    ids=["damaged", "foreign"],
)
def test_a_checkpoint_that_does_not_fit_is_refused(spoil: Callable[[Path], None], refusal: str) -> None:
    """It is named and kept, not loaded by halves."""
    write_params(num_epochs=NUM_EPOCHS)
    folder = kill_program()
    spoil(folder)
    done = subprocess.run(COMMAND, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and str(folder) in done.stderr and refusal in done.stderr
    assert (folder / NEWEST).exists()


@pytest.mark.e2e
def test_the_checkpoint_before_a_damaged_one_gives_the_same_bytes() -> None:
    """The newest one is damaged after a kill: the training goes on from the one before, with a warning."""
    write_params(num_epochs=NUM_EPOCHS)
    run_program(**{EVERY: "0"})
    undisturbed = md5_of(TRAIN)
    folder = kill_program(**{EVERY: "0.00001"})
    (folder / NEWEST).write_bytes((folder / NEWEST).read_bytes()[:1000])
    output = run_program(**{EVERY: "0"})
    assert f"train: warning: {folder / NEWEST}: the checkpoint is damaged" in output and str(folder / OLDER) in output
    assert "goes on after epoch" in output and md5_of(TRAIN) == undisturbed


def test_a_wrong_interval_is_refused_before_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is measured, built or written."""
    monkeypatch.setenv(EVERY, "soon")
    with pytest.raises(ParamsError, match="SEGLINE_CHECKPOINT_MINUTES is 'soon', expected minutes"):
        train_here()
    assert not Path("checkpoints").exists()
