"""A training under way: its epochs, the best of them, checkpoints and progress."""

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from pipeline.dataset.packed import Packed
from pipeline.errors import TrainingError
from pipeline.monitoring.journal import Step
from pipeline.monitoring.live_metrics import Details, LiveMetrics
from pipeline.monitoring.symptoms import Row
from pipeline.runtime.guard import Guard
from pipeline.runtime.progress import INTERVAL_S, duration
from pipeline.training.batches import EpochBatches
from pipeline.training.checkpoints import Checkpoint, Saver
from pipeline.training.machine import differences
from pipeline.training.trainer import Trainer


class Fit:
    """A training under way: the trainer, the history of its epochs and its best weights.

    `batches` makes the batches of an epoch, counted from 0. The best epoch is chosen by `val_set`; after `patience`
    epochs without a better one the training ends, with 0 never. `machine` is the kind that this process runs on.
    `live` shows the training.
    """

    def __init__(
        self,
        trainer: Trainer,
        batches: Callable[[int], EpochBatches],
        val_set: Packed,
        num_epochs: int,
        patience: int,
        precision: str,
        machine: Mapping[str, str],
        live: LiveMetrics,
    ) -> None:
        self.trainer, self.batches, self.val_set = trainer, batches, val_set
        self.num_epochs, self.patience = num_epochs, patience
        self.precision, self.machines = precision, [machine]
        self.live = live
        self.history: list[Row] = []
        self.losses: list[float] = []  # of the epoch under way
        self.best: Sequence[np.ndarray] = []
        self.started = self.printed = time.monotonic()
        self.num_done, self.guard = 0, Guard()

    @property
    def variables(self) -> list[Any]:
        """Everything that the next step depends on."""
        trainer = self.trainer
        return [*trainer.network.variables, *trainer.optimizer.variables, *trainer.side_variables]

    @property
    def num_bytes_to_write(self) -> int:
        """Room that the training takes on the disk: two checkpoints, the one being written, and the weights."""
        weights, state = (
            sum(4 * math.prod(variable.shape) for variable in variables)
            for variables in (self.trainer.network.variables, self.variables)
        )
        return int(3 * (state + weights) + weights)

    def restore(self, saved: Checkpoint, folder: Path) -> None:
        """Goes on from a checkpoint of `folder`; warns if another kind of machine began it.

        Raises:
            TrainingError: it is of another network.
        """
        if [np.shape(array) for array in saved.state] != [tuple(variable.shape) for variable in self.variables]:
            raise TrainingError(f"{folder}: the checkpoint is of another network; delete it to train from the start")
        _assign(self.variables, saved.state)
        self.history, self.losses, self.best = list(saved.history), list(saved.losses), saved.best
        begun = f" and step {len(self.losses)} of the next" if self.losses else ""
        print(f"train: goes on after epoch {len(self.history)} of {self.num_epochs}{begun} ({folder})", flush=True)
        self.machines = [*saved.machines, *(machine for machine in self.machines if machine not in saved.machines)]
        if len(self.machines) > 1:
            print(
                "train: warning: this training began on another kind of machine; it goes on, but the result is not "
                f"bit-identical to that of one machine. It differs in: {differences(self.machines)}",
                flush=True,
            )

    def checkpoint(self) -> Checkpoint:
        """The state after the last step."""
        values = _values(self.variables)
        return Checkpoint(values, self.best, self.history, self.losses, self.precision, self.machines)

    def run(self, folder: Path, interval_s: float) -> None:
        """Trains to the end or until early stopping, with checkpoints in `folder` as `Saver` writes them.

        Raises:
            TrainingError: the loss is not finite.
        """
        saver = Saver(self.checkpoint, folder, interval_s)
        with self.live as live:
            for row in self.history:  # of a continued training
                live.log(row)
            for epoch in range(len(self.history), self.num_epochs):
                if self.is_over():
                    print(f"train: no better epoch in the last {self.patience}, stopped early")
                    break
                row, details = self.run_epoch(epoch, saver.after_step)
                saver.after_epoch()
                live.log(row, details)

    def is_over(self) -> bool:
        """True if early stopping ends the training now."""
        return bool(self.patience and self.history) and len(self.history) - self._best_index() > self.patience

    def run_epoch(self, epoch: int, after_step: Callable[[], None] = lambda: None) -> tuple[Row, Details]:
        """One pass over the batches of an epoch, or over the rest of them, then the scores on `val_set`."""
        batches = self.batches(epoch)
        self.trainer.cut(batches.crop)
        num_done, started = len(self.losses), time.monotonic()
        for step, batch in enumerate(batches.from_step(num_done), num_done):
            self.losses.append(self.trainer.learn(batch))
            self._watch(epoch, step, batches, self.losses)
            after_step()
        speed = (len(batches) - num_done) * batches.batch_size / max(time.monotonic() - started, 1e-9)
        val = self.trainer.score(self.val_set, batches.batch_size, self.live.places)
        row = {
            "epoch": epoch + 1,
            "loss": statistics.fmean(self.losses),
            "val_loss": val.loss,
            "val_mean_iou": val.mean_iou,
            "val_pixel_accuracy": val.pixel_accuracy,
            "learning_rate": float(self.trainer.optimizer.learning_rate),
        }
        self.history.append(row)
        self.losses = []
        is_best = self._best_index() == epoch
        if is_best:
            self.best = _values(self.trainer.scored.variables)
        print(
            f"epoch {epoch + 1}/{self.num_epochs}: loss {row['loss']:.4f}, val loss {val.loss:.4f}, "
            f"val mean IoU {val.mean_iou:.4f}{' (best)' if is_best else ''}",
            flush=True,
        )
        return row, Details(speed, val.iou, val.preds)

    def _watch(self, epoch: int, step: int, batches: EpochBatches, losses: Sequence[float]) -> None:
        """Stops at a loss that is not finite, or if the starting process has ended; prints speed and time left."""
        num_steps, batch_size = len(batches), batches.batch_size
        if not math.isfinite(losses[-1]):
            raise TrainingError(
                f"the loss is {losses[-1]} in epoch {epoch + 1}, step {step + 1}; lower train.learning_rate or "
                "train.clip_norm, or raise train.warmup_epochs"
            )
        self.guard.check()
        self.num_done += batch_size
        now = time.monotonic()
        if now - self.printed >= INTERVAL_S or step + 1 == num_steps:
            self.printed = now
            speed = self.num_done / (now - self.started)
            num_left = (self.num_epochs - epoch) * num_steps - step - 1
            loss, left_s = statistics.fmean(losses), num_left * batch_size / speed
            print(
                f"epoch {epoch + 1}/{self.num_epochs}: step {step + 1}/{num_steps}, loss {loss:.4f}, "
                f"{speed:.1f} images/s, {duration(left_s)} left",
                flush=True,
            )
            self.live.log_step(Step(epoch + 1, step + 1, num_steps, loss, speed, left_s))

    def finish(self) -> Row:
        """Puts the best epoch's weights into the network; returns its metrics."""
        _assign(self.trainer.network.variables, self.best)
        return self.history[self._best_index()]

    def _best_index(self) -> int:
        """Epoch (from 0) with the highest val mean IoU, the first of equals; nan is lower than any."""
        scores = [row["val_mean_iou"] for row in self.history]
        return max(range(len(scores)), key=lambda i: (-math.inf if math.isnan(scores[i]) else scores[i], -i))


def _values(variables: Sequence[Any]) -> list[np.ndarray]:
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def _assign(variables: Sequence[Any], values: Sequence[np.ndarray]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
