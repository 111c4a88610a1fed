"""Train: a U-Net on the packed arrays; the same params, data and kind of machine give the same bits, kill or not."""

import csv
import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from pipeline.backend.devices import describe, num_threads_in_use, replicate, set_up_devices
from pipeline.dataset.fingerprint import FINGERPRINT, Fingerprint
from pipeline.dataset.packed import Packed, read_packed
from pipeline.disk.files import check_room, check_writable, write_json, written_whole
from pipeline.errors import ParamsError, TrainingError
from pipeline.networks.unet import build_unet
from pipeline.params import TrainParams, read_params
from pipeline.runtime.guard import Guard
from pipeline.runtime.program import run_stage
from pipeline.runtime.progress import INTERVAL_S, duration
from pipeline.runtime.stages import code_of
from pipeline.training.augment import Ranges
from pipeline.training.batches import EpochBatches
from pipeline.training.checkpoints import CHECKPOINTS, Checkpoint, checkpoint_path, only_training
from pipeline.training.live_metrics import LiveMetrics
from pipeline.training.losses import class_weights
from pipeline.training.machine import differences, kind_of_machine
from pipeline.training.precision import AUTO, FLOAT32, check_bfloat16, known_step_times, measure
from pipeline.training.trainer import Trainer, build_optimizer
from pipeline.training.validation_scores import score_packed

TRAIN = Path("work/train")
NUM_MEASURED_BATCHES = 3
Row = Mapping[str, float]
"""Metrics of an epoch, as history.csv holds them."""
Summary = Mapping[str, Any]
"""Numbers for summary.json."""


def train(train_set: Packed, val_set: Packed, fingerprint: Fingerprint, params: TrainParams, out: Path) -> Summary:
    """Trains to the end, from the last checkpoint where there is one, and writes the best weights.

    Args:
        train_set: what to learn from.
        val_set: what the best epoch is chosen by.
        fingerprint: of both.
        params: of the training.
        out: folder to write to.

    Returns:
        The summary.

    Raises:
        ParamsError: params and data do not go together.
        TrainingError: the loss is not finite, the checkpoint is damaged, another training runs here, or the precision
            does not run on this machine.
        StageError: the disk has no room for checkpoints and weights, or cannot be written to.
    """
    _check(train_set, val_set, fingerprint, params)
    gpus = set_up_devices(params.num_threads)
    check_batch_size(params.batch_size, len(gpus))
    machine = kind_of_machine(num_threads_in_use(params.num_threads), gpus)
    check_writable(CHECKPOINTS)
    with only_training():
        path = checkpoint_path(_recipe(fingerprint, params))
        saved = Checkpoint.read(path) if path.exists() else None
        build = partial(build_trainer, fingerprint, params, len(gpus))
        precision = saved.precision if saved else params.precision
        if precision != FLOAT32:
            precision = _settle(precision, train_set, fingerprint, params, machine, build)
        print(f"train: {describe(gpus)}; {keras.backend.backend()}, {precision}", flush=True)
        fit = Fit(build(precision), fingerprint, params, precision, machine)
        if saved:
            fit.restore(saved, path)
        check_room(CHECKPOINTS, fit.num_bytes_to_write)
        with LiveMetrics() as live:
            live.replay(fit.history)
            for epoch in range(len(fit.history), params.num_epochs):
                if fit.is_over():
                    print(f"train: no better epoch in the last {params.early_stopping_epochs}, stopped early")
                    break
                row = fit.run_epoch(train_set, val_set, epoch)
                fit.checkpoint().write(path)
                live.log(row)
        summary = fit.write(out)
        path.unlink()
    return summary


def build_trainer(fingerprint: Fingerprint, params: TrainParams, num_gpus: int, precision: str) -> Trainer:
    """Makes the network with random weights from the seed, its loss and its optimiser."""
    keras.utils.set_random_seed(params.seed)
    keras.mixed_precision.set_global_policy(precision)
    num_steps = fingerprint.num_images["train"] // params.batch_size
    with replicate(num_gpus):
        unet = build_unet(**unet_arguments(fingerprint, params))
        weights = class_weights(fingerprint.class_pixels, params.class_weights)
        trainer = Trainer(unet, weights, params.dice_weight, params.augment.crop, fingerprint.classes.ignore_id)
        optimizer = build_optimizer(
            learning_rate=params.learning_rate,
            weight_decay=params.weight_decay,
            clip_norm=params.clip_norm,
            num_steps=num_steps * params.num_epochs,
            num_warmup_steps=round(num_steps * params.warmup_epochs),
        )
        # XLA pays on one GPU only: on the CPU it is 4 to 5 times slower
        trainer.compile(optimizer=optimizer, jit_compile=num_gpus == 1)
        unet.compile(jit_compile=num_gpus == 1)
        optimizer.build(trainer.trainable_variables)
    return trainer


def unet_arguments(fingerprint: Fingerprint, params: TrainParams) -> dict[str, Any]:
    """The arguments of `build_unet`, as unet.json keeps them for later stages."""
    return {
        "num_classes": len(fingerprint.classes),
        "num_levels": params.unet.num_levels,
        "width": params.unet.width,
        "dropout": params.unet.dropout,
        "channel_mean": list(fingerprint.channel_mean),
        "channel_std": list(fingerprint.channel_std),
    }


class Fit:
    """A training under way: the trainer, the history of its epochs and its best weights."""

    def __init__(
        self,
        trainer: Trainer,
        fingerprint: Fingerprint,
        params: TrainParams,
        precision: str,
        machine: Mapping[str, str],
    ) -> None:
        self.trainer, self.fingerprint, self.params = trainer, fingerprint, params
        self.precision, self.machines = precision, [machine]
        self.history: list[Row] = []
        self.best: Sequence[np.ndarray] = []
        self.started = self.printed = time.monotonic()
        self.num_done, self.guard = 0, Guard()
        self.ranges = _ranges(params)

    @property
    def variables(self) -> list[Any]:
        """Everything that the next step depends on."""
        return [*self.trainer.unet.variables, *self.trainer.optimizer.variables]

    @property
    def num_bytes_to_write(self) -> int:
        """Room that the training takes on the disk: a checkpoint beside the one before, and the weights."""
        weights, state = (
            sum(4 * math.prod(variable.shape) for variable in variables)
            for variables in (self.trainer.unet.variables, self.variables)
        )
        return int(2 * (state + weights) + weights)

    def restore(self, saved: Checkpoint, path: Path) -> None:
        """Goes on from a checkpoint; says so if another kind of machine began it, since bits follow from that.

        Args:
            saved: the checkpoint.
            path: where it lies.

        Raises:
            TrainingError: it is of another network.
        """
        if [np.shape(array) for array in saved.state] != [tuple(variable.shape) for variable in self.variables]:
            raise TrainingError(f"{path}: the checkpoint is of another network; delete it to train from the start")
        _assign(self.variables, saved.state)
        self.history, self.best = list(saved.history), saved.best
        print(f"train: goes on after epoch {len(self.history)} of {self.params.num_epochs} ({path})", flush=True)
        self.machines = [*saved.machines, *(machine for machine in self.machines if machine not in saved.machines)]
        if len(self.machines) > 1:
            print(
                "train: warning: this training began on another kind of machine; it goes on, but the result is not "
                f"bit-identical to that of one machine. It differs in: {differences(self.machines)}",
                flush=True,
            )

    def checkpoint(self) -> Checkpoint:
        """The state after the last epoch."""
        return Checkpoint(_values(self.variables), self.best, self.history, self.precision, self.machines)

    def is_over(self) -> bool:
        """True when early stopping is on and has waited long enough."""
        patience = self.params.early_stopping_epochs
        return bool(patience and self.history) and len(self.history) - self._best_index() > patience

    def run_epoch(self, train_set: Packed, val_set: Packed, epoch: int) -> Row:
        """One pass over `train_set`, then the scores on `val_set`."""
        params = self.params
        batches = EpochBatches(train_set, self.ranges, params.augment.crop, params.batch_size, params.seed, epoch)
        losses = []
        for step, batch in enumerate(batches):
            losses.append(self.trainer.learn(batch))
            self._watch(epoch, step, len(batches), losses)
        val = score_packed(self.trainer, val_set, len(self.fingerprint.classes), params.batch_size)
        row = {
            "epoch": epoch + 1,
            "loss": statistics.fmean(losses),
            "val_loss": val.loss,
            "val_mean_iou": val.mean_iou,
            "val_pixel_accuracy": val.pixel_accuracy,
            "learning_rate": float(self.trainer.optimizer.learning_rate),
        }
        self.history.append(row)
        if self._best_index() == epoch:
            self.best = _values(self.trainer.unet.variables)
        print(
            f"epoch {epoch + 1}/{params.num_epochs}: loss {row['loss']:.4f}, val loss {val.loss:.4f}, "
            f"val mean IoU {val.mean_iou:.4f}{' (best)' if self._best_index() == epoch else ''}",
            flush=True,
        )
        return row

    def write(self, out: Path) -> Summary:
        """Writes the best weights and the history; returns the summary."""
        out.mkdir(parents=True, exist_ok=True)
        best = self.history[self._best_index()]
        _assign(self.trainer.unet.variables, self.best)
        with written_whole(out / "model.weights.h5") as beside:
            self.trainer.unet.save_weights(beside.with_name(".part.weights.h5"))
            beside.with_name(".part.weights.h5").rename(beside)
        arguments = unet_arguments(self.fingerprint, self.params)
        write_json(out / "unet.json", {"precision": self.precision, "arguments": arguments})
        with written_whole(out / "history.csv") as beside, beside.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(best), lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.history)
        return {
            "best_epoch": best["epoch"],
            "val_mean_iou": best["val_mean_iou"],
            "num_epochs": len(self.history),
            "num_parameters": self.trainer.unet.count_params(),
            "backend": keras.backend.backend(),
            "precision": self.precision,
            "precision_by": "measured" if self.params.precision == AUTO else "params",
            "num_machines": len(self.machines),
            "machines": self.machines,
        }

    def _watch(self, epoch: int, step: int, num_steps: int, losses: Sequence[float]) -> None:
        """Stops at a loss that is not finite and when the starting process is gone; prints speed and time left."""
        params = self.params
        if not math.isfinite(losses[-1]):
            raise TrainingError(
                f"the loss is {losses[-1]} in epoch {epoch + 1}, step {step + 1}; lower train.learning_rate or "
                "train.clip_norm, or raise train.warmup_epochs"
            )
        self.guard.check()
        self.num_done += params.batch_size
        now = time.monotonic()
        if now - self.printed >= INTERVAL_S or step + 1 == num_steps:
            self.printed = now
            speed = self.num_done / (now - self.started)
            num_left = (params.num_epochs - epoch) * num_steps - step - 1
            print(
                f"epoch {epoch + 1}/{params.num_epochs}: step {step + 1}/{num_steps}, "
                f"loss {statistics.fmean(losses):.4f}, {speed:.1f} images/s, "
                f"{duration(num_left * params.batch_size / speed)} left",
                flush=True,
            )

    def _best_index(self) -> int:
        """Epoch (from 0) with the highest val mean IoU, the first of equals; nan is lower than any."""
        scores = [row["val_mean_iou"] for row in self.history]
        return max(range(len(scores)), key=lambda i: (-math.inf if math.isnan(scores[i]) else scores[i], -i))


def check_batch_size(batch_size: int, num_gpus: int) -> None:
    """Refuses a batch of which the GPUs would get unequal parts.

    Raises:
        ParamsError: it is no multiple of their number.
    """
    if num_gpus and batch_size % num_gpus:
        raise ParamsError(
            f"params.yaml: `train.batch_size` is {batch_size}, {num_gpus} GPUs are visible; expected a multiple, "
            "or hide GPUs with CUDA_VISIBLE_DEVICES"
        )


def _check(train_set: Packed, val_set: Packed, fingerprint: Fingerprint, params: TrainParams) -> None:
    if len(train_set) < params.batch_size:
        raise ParamsError(
            f"params.yaml: `train.batch_size` is {params.batch_size}, train has {len(train_set)} images; lower it"
        )
    if not len(val_set):
        raise ParamsError("val has no image, so no epoch can be called the best; raise validate.split.val")
    crop, size = params.augment.crop, fingerprint.size
    if crop[0] > size[0] or crop[1] > size[1]:
        raise ParamsError(
            f"params.yaml: `train.augment.crop` is {list(crop)}, images are packed at {list(size)} "
            "(preprocess.image_size); the crop must fit in"
        )


def _settle(
    wanted: str,
    train_set: Packed,
    fingerprint: Fingerprint,
    params: TrainParams,
    machine: Mapping[str, str],
    build: Callable[[str], Trainer],
) -> str:
    """The precision to train in if `wanted` is not float32; says how fast both are on this machine.

    Raises:
        TrainingError: mixed_bfloat16 is wanted and does not run here.
    """
    ranges, crop = _ranges(params), params.augment.crop
    batches = EpochBatches(train_set, ranges, crop, params.batch_size, params.seed, 0)
    shape = params.model_dump(mode="json", include={"unet", "augment", "batch_size"})
    identity = [machine, keras.backend.backend(), fingerprint.size, len(fingerprint.classes), shape]
    some = [batches[step] for step in range(min(NUM_MEASURED_BATCHES, len(batches)))]
    times = known_step_times(identity, partial(measure, build, some, params.num_threads))
    if wanted == AUTO:
        precision = times.faster if times else FLOAT32
        print(f"train: precision {precision}, measured: {times or 'a step fails'}", flush=True)
        if times:
            num_steps = len(batches) * params.num_epochs
            told = duration(num_steps * times.seconds(precision))
            print(f"train: {num_steps} steps will take about {told}, validation comes on top", flush=True)
        return precision
    otherwise = f"set train.precision to float32; a training that began in it goes on where it began ({CHECKPOINTS}/)"
    check_bfloat16(times, otherwise)
    return wanted


def _ranges(params: TrainParams) -> Ranges:
    return Ranges(**params.augment.model_dump(exclude={"crop"}))


def _recipe(fingerprint: Fingerprint, params: TrainParams) -> dict[str, Any]:
    """All that the weights follow from but the machine: a checkpoint of anything else is not continued."""
    return {
        "params": params.model_dump(mode="json", exclude={"num_threads"}),  # that is of the machine
        "data": fingerprint.arrays_md5,
        "classes": fingerprint.classes.to_dict(),
        "backend": keras.backend.backend(),
        "code": code_of("train"),
    }


def _values(variables: Sequence[Any]) -> list[np.ndarray]:
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def _assign(variables: Sequence[Any], values: Sequence[np.ndarray]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def main() -> Summary:
    """Trains on what `preprocess` packed; returns the summary."""
    fingerprint = Fingerprint.read(FINGERPRINT)
    fingerprint.check_size(read_params().preprocess.image_size)
    summary = train(read_packed("train"), read_packed("val"), fingerprint, read_params().train, TRAIN)
    print(f"best epoch: {summary['best_epoch']}, val mean IoU {summary['val_mean_iou']:.4f}")
    return summary


if __name__ == "__main__":
    run_stage("train", main)
