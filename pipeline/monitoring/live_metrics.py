"""A training as it is seen while it runs: TensorBoard, a journal, warnings, and lines that the flow sends to MLflow."""

import json
import math
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from pipeline.dataset.contract import ClassList
from pipeline.dataset.names import clean_name
from pipeline.dataset.packed import Packed
from pipeline.monitoring.journal import LOGS, Ended, Epoch, Event, Journal, Step, Warned, finite
from pipeline.monitoring.lines import LINES, PANEL, PREFIX
from pipeline.monitoring.panel import Panel
from pipeline.monitoring.symptoms import Row, find_symptoms
from pipeline.vision.codec import encode_png


class Details(NamedTuple):
    """Of an epoch, besides its row in history.csv.

    Attributes:
        images_per_s: speed of its steps.
        iou: (K,) val IoU by class, nan for a class that val lacks.
        preds: (H, W) uint8 ids of the val images on the panel.
    """

    images_per_s: float
    iou: np.ndarray
    preds: Sequence[np.ndarray]


class LiveMetrics:
    """Shows a training; outside of its `with` block it does nothing, and nothing here can stop a training.

    `class_pixels` are the labelled pixels of `train` by class. `num_before` are the epochs of networks before this one,
    on which its epochs follow in the lines for MLflow.
    """

    def __init__(
        self,
        classes: ClassList,
        class_pixels: Mapping[str, int],
        val_set: Packed,
        num_epochs: int,
        num_before: int = 0,
    ) -> None:
        self.classes, self.num_epochs, self.num_before = classes, num_epochs, num_before
        self.trained = [name for name, pixels in class_pixels.items() if pixels]
        self.metric_names = metric_names(classes.names)
        self.panel: Panel | None = None
        self.board: Any = None
        self.journal: Journal | None = None
        self.rows: list[Row] = []
        self.ious: list[dict[str, float]] = []
        self.warned: set[str] = set()
        self.lost: set[str] = set()
        self.began = time.monotonic()
        with self._optional("panel"):
            self.panel = Panel(val_set, classes, num_epochs)

    @property
    def places(self) -> Sequence[int]:
        """The val images whose predictions the panel needs."""
        return self.panel.places if self.panel else ()

    def __enter__(self) -> "LiveMetrics":
        import keras

        self.began = time.monotonic()
        self.folder = LOGS / time.strftime("%Y%m%d-%H%M%S")
        if keras.backend.backend() == "tensorflow":
            from pipeline.backend.tf import TensorBoardLog

            self.board = TensorBoardLog(self.folder)
        with self._optional("journal"):
            self.journal = Journal(self.folder, self.num_epochs, self.classes.names)
        return self

    def __exit__(self, kind: type[BaseException] | None, err: BaseException | None, _: object) -> None:
        self._note(Ended(str(err) or kind.__name__ if kind else ""))
        if self.journal:
            self.journal.close()
        if self.board:
            self.board.close()
        self.journal = self.board = None

    def log_step(self, step: Step) -> None:
        """Shows the state within an epoch."""
        self._note(step)

    def log(self, row: Row, details: Details | None = None) -> None:
        """Shows an epoch; one that was done before a resumption has no details."""
        epoch, left_s = int(row["epoch"]), math.nan
        shown = metrics = {name: value for name, value in row.items() if name != "epoch"}
        self.rows.append(row)
        if details:
            self.ious.append(by_class(self.classes.names, details.iou))
            shown = metrics | {"images_per_s": details.images_per_s}
            metrics = shown | by_class(self.metric_names, details.iou)
            left_s = (time.monotonic() - self.began) / len(self.ious) * (self.num_epochs - epoch)
        if self.board:
            self.board.write(metrics, epoch)
        if os.environ.get(LINES):
            print(f"{PREFIX}{json.dumps({'epoch': self.num_before + epoch, **metrics})}", flush=True)
        self._note(Epoch(epoch, finite(shown), details.iou.tolist() if details else [], left_s))
        if details:
            self._warn(epoch)
            self._show(epoch, details.preds)

    def _warn(self, epoch: int) -> None:
        """Prints what goes wrong, each symptom once."""
        for key, sentence in find_symptoms(self.rows, self.ious, self.trained, self.num_epochs):
            if key not in self.warned:
                self.warned.add(key)
                print(f"train: warning: {sentence}", flush=True)
                self._note(Warned(epoch, sentence))

    def _show(self, epoch: int, preds: Sequence[np.ndarray]) -> None:
        """Writes the panel, encoded once, and names its file to the flow."""
        if not self.panel or "panel" in self.lost or not self.panel.is_due(epoch):
            return
        with self._optional("panel"):
            pixels = self.panel.draw(epoch, preds)
            png = encode_png(pixels, compression=1)  # half the time, 7 % more bytes
            path = self.folder / f"panel/epoch_{epoch:04}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(png)
            if self.board:
                self.board.write_picture("panel", png, (pixels.shape[0], pixels.shape[1]), epoch)
            if os.environ.get(LINES):
                print(f"{PANEL}{path}", flush=True)

    def _note(self, event: Event) -> None:
        if self.journal and "journal" not in self.lost:
            with self._optional("journal"):
                self.journal.write(event)

    @contextmanager
    def _optional(self, part: str) -> Iterator[None]:
        """Gives a part up at its first error, with a warning."""
        try:
            yield
        except Exception as err:  # nothing that only shows a training may stop it
            self.lost.add(part)
            reason = f"{type(err).__name__}: {err}".partition("\n")[0]
            print(f"warning: training goes on without its {part}: {reason}", file=sys.stderr, flush=True)


def metric_names(class_names: Sequence[str]) -> list[str]:
    """Names of the classes' metrics, such as `val_iou/car`; if two were equal, each gets its id."""
    cleaned = [clean_name(name) for name in class_names]
    return [
        f"val_iou/{name}" if cleaned.count(name) == 1 else f"val_iou/{name} {id_}" for id_, name in enumerate(cleaned)
    ]


def by_class(names: Sequence[str], iou: np.ndarray) -> dict[str, float]:
    """The values (K,) that are not nan, by name."""
    return {name: value for name, value in zip(names, iou.tolist(), strict=True) if not math.isnan(value)}
