"""The journal of a training: lines of JSON beside its TensorBoard files, from which `segline watch` reads its state."""

import errno
import fcntl
import json
import math
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from pipeline.disk.records import Measure, Place, explain, nan_as_null
from pipeline.errors import EvidenceError
from pipeline.runtime.locks import is_held

LOGS = Path("logs/tensorboard")
JOURNAL = "watch.jsonl"
"""In the folder of a training in `LOGS`; the training holds its lock."""


@dataclass(frozen=True)
class Began:
    """The first line; `began_s` is the time in seconds since 1970, `classes` the names by id."""

    began_s: float
    num_epochs: Place
    classes: Annotated[list[str], Field(min_length=1)]
    event: Literal["began"] = "began"


@dataclass(frozen=True)
class Step:
    """The state within an epoch: the mean loss so far, and what is left of the training."""

    epoch: Place
    step: Place
    num_steps: Place
    loss: Measure
    images_per_s: Measure
    left_s: Measure
    event: Literal["step"] = "step"


@dataclass(frozen=True)
class Epoch:
    """An epoch with its finite metrics.

    Attributes:
        iou: (K) val IoU by class, nan for a class that val lacks; empty for an epoch before a resumption.
        left_s: time that is left of the training; nan for an epoch before a resumption.
    """

    epoch: Place
    metrics: dict[str, float]
    iou: list[Measure]
    left_s: Measure
    event: Literal["epoch"] = "epoch"


@dataclass(frozen=True)
class Warned:
    """A warning, and the epoch after which it was given."""

    epoch: Place
    text: str
    event: Literal["warned"] = "warned"


@dataclass(frozen=True)
class Ended:
    """The last line; the reason is empty if all went well."""

    reason: str
    event: Literal["ended"] = "ended"


Event = Began | Step | Epoch | Warned | Ended
EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="event")])


@dataclass(frozen=True)
class Training:
    """The state of a training.

    Attributes:
        folder: of its files.
        is_under_way: a process holds the journal.
        step: state within the epoch under way; None between two epochs.
        warnings: in order.
        end: why it ended, empty if all went well; None: it has not, or was killed.
    """

    folder: Path
    is_under_way: bool
    began: Began
    epochs: Sequence[Epoch]
    step: Step | None
    warnings: Sequence[str]
    end: str | None


class Journal:
    """Writes the journal of a training and holds its lock."""

    def __init__(self, folder: Path, num_epochs: int, classes: Sequence[str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.file = (folder / JOURNAL).open("ab", buffering=0)
        fcntl.flock(self.file, fcntl.LOCK_EX)
        self.write(Began(time.time(), num_epochs, list(classes)))

    def write(self, event: Event) -> None:
        """Adds a line.

        Raises:
            OSError: the disk is full. Nothing may be written after that.
        """
        line = f"{json.dumps(nan_as_null(asdict(event)), allow_nan=False)}\n".encode()
        if self.file.write(line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        """Ends the lock."""
        self.file.close()


def finite(metrics: Mapping[str, float]) -> dict[str, float]:
    """The metrics without nan and infinity, which JSON lacks."""
    return {name: value for name, value in metrics.items() if math.isfinite(value)}


def find_journal(checkouts: Iterable[Path]) -> Path | None:
    """The folder of the training that is under way in one of the checkouts, else of the newest one."""
    found = [path for at in checkouts for path in (at / LOGS).glob(f"*/{JOURNAL}") if path.stat().st_size]
    newest = max(found, key=lambda path: (is_held(path), path.stat().st_mtime_ns), default=None)
    return newest and newest.parent


def read_training(folder: Path) -> Training:
    """The state of a training from its journal; a line that is being written is left out.

    Raises:
        EvidenceError: the journal is missing or damaged.
    """
    path = folder / JOURNAL
    try:
        is_under_way = is_held(path)  # before its lines are read: the last of them shall not be missed
        *lines, _ = path.read_bytes().split(b"\n")
    except OSError as err:
        raise EvidenceError(f"{path}: cannot be read ({err.strerror}); start `segline watch` again") from err
    try:
        began, *events = [EVENT.validate_json(line, strict=True) for line in lines]
        if not isinstance(began, Began):
            raise ValueError("it does not begin with the training's beginning")
    except ValueError as err:
        reason = explain(err) if isinstance(err, ValidationError) else err
        raise EvidenceError(f"{path}: is damaged ({reason}); delete {folder}") from err
    last = events[-1] if events else None
    return Training(
        folder,
        is_under_way,
        began,
        [event for event in events if isinstance(event, Epoch)],
        last if isinstance(last, Step) else None,
        [event.text for event in events if isinstance(event, Warned)],
        last.reason if isinstance(last, Ended) else None,
    )
