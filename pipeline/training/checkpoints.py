"""Checkpoints of a training: all that the next step follows from, the last two of them, each whole or absent."""

import hashlib
import json
import math
import os
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from pipeline.disk.files import flush, written_whole
from pipeline.errors import ParamsError, TrainingError
from pipeline.runtime.locks import held

CHECKPOINTS = Path("checkpoints")
NEWEST, OLDER = "newest.ckpt", "older.ckpt"
EVERY, EVERY_MINUTES = "SEGLINE_CHECKPOINT_MINUTES", "10"
"""How often state is saved within an epoch. It changes no bit of the weights, so it is not in params.yaml."""
NUM_DIGEST_BYTES = hashlib.sha256().digest_size


@dataclass(frozen=True)
class _Record:
    """A checkpoint without its arrays."""

    history: list[dict[str, int | float]]
    losses: list[float]
    precision: str
    machines: list[dict[str, str]]


RECORD = TypeAdapter(_Record)


class _DamagedError(TrainingError):
    """The content of a checkpoint is not as it was written."""


@dataclass(frozen=True)
class Checkpoint:
    """The state after a step.

    Attributes:
        state: every variable of the model, the optimiser and the average of the weights, in their own order.
        best: the variables of the model, or of the average, after the best epoch.
        history: a row of metrics for each whole epoch done.
        losses: of the steps done in the next epoch; their number is the position in it.
        precision: precision of the training.
        machines: the kinds of machine that it has run on, in order.
    """

    state: Sequence[np.ndarray]
    best: Sequence[np.ndarray]
    history: Sequence[Mapping[str, float]]
    losses: Sequence[float]
    precision: str
    machines: Sequence[Mapping[str, str]]

    def write(self, folder: Path) -> None:
        """Writes the newest checkpoint of a training; the one before becomes the older one.

        A kill or a loss of power, at whatever moment, leaves a whole one. The file is the SHA-256 of an archive of
        NumPy, then the archive.
        """
        arrays = {f"state{i}": array for i, array in enumerate(self.state)}
        arrays |= {f"best{i}": array for i, array in enumerate(self.best)}
        names = ("history", "losses", "precision", "machines")
        record = json.dumps({name: getattr(self, name) for name in names})
        with written_whole(folder / NEWEST) as part:
            with part.open("w+b") as file:
                file.seek(NUM_DIGEST_BYTES)
                np.savez(file, allow_pickle=False, record=np.array(record), **arrays)
                file.seek(NUM_DIGEST_BYTES)
                digest = hashlib.file_digest(file, "sha256").digest()
                file.seek(0)
                file.write(digest)
            flush(part)
            if (folder / NEWEST).exists():
                (folder / NEWEST).replace(folder / OLDER)
        flush(folder, folder.parent)

    @classmethod
    def read(cls, path: Path) -> "Checkpoint":
        """Reads the file of a checkpoint.

        Raises:
            TrainingError: the file is damaged, cannot be read, or takes more memory than there is.
        """
        try:
            with path.open("rb") as file:
                if file.read(NUM_DIGEST_BYTES) != hashlib.file_digest(file, "sha256").digest():
                    raise _DamagedError(
                        f"{path}: the checkpoint is damaged (its SHA-256 is another than when it was written)"
                    )
                file.seek(NUM_DIGEST_BYTES)
                return cls._from_archive(np.load(file, allow_pickle=False))
        except MemoryError as err:
            raise TrainingError(
                f"{path}: reading the checkpoint takes more memory than there is; free memory and run the same command "
                "again"
            ) from err
        except OSError as err:
            raise TrainingError(
                f"{path}: the checkpoint cannot be read ({err.strerror}); repair that and run the same command again"
            ) from err
        except (ValueError, KeyError, zipfile.BadZipFile) as err:
            raise _DamagedError(f"{path}: the checkpoint is damaged ({err})") from err

    @classmethod
    def _from_archive(cls, archive: Any) -> "Checkpoint":
        num_state, num_best = (sum(name.startswith(kind) for name in archive.files) for kind in ("state", "best"))
        return cls(
            state=[archive[f"state{i}"] for i in range(num_state)],
            best=[archive[f"best{i}"] for i in range(num_best)],
            **vars(RECORD.validate_json(str(archive["record"]), strict=True)),
        )


def read_newest(folder: Path) -> Checkpoint | None:
    """Reads the newest checkpoint of a training; None if it has none.

    If the newest one is damaged, it is removed with a warning and the one before is read.

    Raises:
        TrainingError: all are damaged, or one cannot be read or takes more memory than there is.
    """
    damages = []
    for path in filter(Path.exists, (folder / NEWEST, folder / OLDER)):
        try:
            saved = Checkpoint.read(path)
        except _DamagedError as err:
            damages.append(str(err))
            continue
        if damages:
            print(f"train: warning: {damages[0]}; the one before it is used, {path}", flush=True)
            (folder / NEWEST).unlink()  # else it would become the older one, in the place of the sound one
        return saved
    if damages:
        raise TrainingError(f"{'; '.join(damages)}; delete {folder} to train from the first epoch again")
    return None


class Saver:
    """Saves the state of a training in `folder`: after each epoch, and once `interval_s` have passed since the last.

    With an interval of 0 only after each epoch.
    """

    def __init__(self, state: Callable[[], Checkpoint], folder: Path, interval_s: float) -> None:
        self.state, self.folder, self.interval_s = state, folder, interval_s
        self.saved = time.monotonic()

    def after_epoch(self) -> None:
        """Saves the state."""
        self.state().write(self.folder)
        self.saved = time.monotonic()

    def after_step(self) -> None:
        """Saves the state if that is due."""
        if 0 < self.interval_s <= time.monotonic() - self.saved:
            self.after_epoch()


def read_interval_s() -> float:
    """Seconds between two checkpoints, from the environment; 0: only after each epoch.

    Raises:
        ParamsError: it is not a number of minutes.
    """
    text = os.environ.get(EVERY) or EVERY_MINUTES
    try:
        if 0 <= (minutes := float(text)) < math.inf:
            return minutes * 60
    except ValueError:
        pass
    raise ParamsError(f"{EVERY} is {text!r}, expected minutes between checkpoints, or 0: only after each epoch")


def checkpoint_folder(recipe: Any, folder: Path = CHECKPOINTS) -> Path:
    """The folder of the checkpoints of one training.

    `recipe` is all that the weights follow from but the machine, as JSON can hold it; another value gives another one.
    """
    text = json.dumps(recipe, sort_keys=True)
    return folder / f"train-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def only_training(folder: Path = CHECKPOINTS) -> AbstractContextManager[None]:
    """Holds the folder's lock until the block ends; raises `TrainingError` if another process holds it."""
    path = folder / "lock"
    refusal = f"{path}: another training runs in this folder; wait for its end, or stop it and start again"
    return held(path, TrainingError(refusal))
