"""Checkpoints of a training: all that the next epoch follows from, in one file that is whole or absent."""

import errno
import hashlib
import json
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from pipeline.disk.files import written_whole
from pipeline.errors import TrainingError
from pipeline.runtime.locks import held

CHECKPOINTS = Path("checkpoints")
DAMAGED = (
    *(ValueError, KeyError, EOFError, OverflowError, zipfile.BadZipFile, zlib.error, struct.error),
    RuntimeError,  # of zipfile, for a member that seems encrypted or packed in an unknown way
)
"""Errors of reading an archive of arrays whose bytes were changed."""


@dataclass(frozen=True)
class _Record:
    """A checkpoint without its arrays."""

    history: list[dict[str, int | float]]
    precision: str
    machines: list[dict[str, str]]


RECORD = TypeAdapter(_Record)


@dataclass(frozen=True)
class Checkpoint:
    """The state after an epoch.

    Attributes:
        state: every variable of the model and the optimiser, in their own order.
        best: the model's variables after the best epoch.
        history: a row of metrics for each epoch done.
        precision: precision of the training.
        machines: the kinds of machine that it has run on, in order.
    """

    state: Sequence[np.ndarray]
    best: Sequence[np.ndarray]
    history: Sequence[Mapping[str, float]]
    precision: str
    machines: Sequence[Mapping[str, str]]

    def write(self, path: Path) -> None:
        """Writes the checkpoint; a kill leaves the old or the new one."""
        arrays = {f"state{i}": array for i, array in enumerate(self.state)}
        arrays |= {f"best{i}": array for i, array in enumerate(self.best)}
        record = {"history": list(self.history), "precision": self.precision, "machines": list(self.machines)}
        with written_whole(path) as part, part.open("wb") as file:
            np.savez(file, allow_pickle=False, record=np.array(json.dumps(record)), **arrays)

    @classmethod
    def read(cls, path: Path) -> "Checkpoint":
        """Reads a checkpoint.

        Raises:
            TrainingError: the file is damaged, cannot be read, or takes more memory than there is.
        """
        otherwise = "delete it to train from the first epoch again"
        try:
            with path.open("rb") as content, np.load(content, allow_pickle=False) as file:
                num_state = sum(name.startswith("state") for name in file.files)
                num_best = sum(name.startswith("best") for name in file.files)
                return cls(
                    state=[file[f"state{i}"] for i in range(num_state)],
                    best=[file[f"best{i}"] for i in range(num_best)],
                    **vars(RECORD.validate_json(str(file["record"]), strict=True)),
                )
        except MemoryError as err:
            raise TrainingError(
                f"{path}: reading the checkpoint takes more memory than there is; free memory and run the same command "
                f"again. If it has enough, the checkpoint is damaged: {otherwise}"
            ) from err
        except OSError as err:
            if err.errno in (None, errno.EINVAL):  # a place before the beginning of the file
                raise TrainingError(f"{path}: the checkpoint is damaged ({err}); {otherwise}") from err
            raise TrainingError(
                f"{path}: the checkpoint cannot be read ({err.strerror}); repair that and run the same command again"
            ) from err
        except DAMAGED as err:
            raise TrainingError(f"{path}: the checkpoint is damaged ({err}); {otherwise}") from err


def checkpoint_path(recipe: Any, folder: Path = CHECKPOINTS) -> Path:
    """The file of the checkpoint of one training.

    `recipe` is all that the weights follow from but the machine, as JSON can hold it; another value gives another file.
    """
    text = json.dumps(recipe, sort_keys=True)
    return folder / f"train-{hashlib.sha256(text.encode()).hexdigest()[:16]}.npz"


def only_training(folder: Path = CHECKPOINTS) -> AbstractContextManager[None]:
    """Holds the folder's lock until the block ends; raises `TrainingError` if another process holds it."""
    path = folder / "lock"
    refusal = f"{path}: another training runs in this folder; wait for its end, or stop it and start again"
    return held(path, TrainingError(refusal))
