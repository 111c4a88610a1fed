"""Locks that end with the process that holds them, however it ends."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import SeglineError


@contextmanager
def held(path: Path, refusal: SeglineError) -> Iterator[None]:
    """Holds the lock of a file, which is made where it is missing, for as long as the block lasts.

    Raises:
        SeglineError: `refusal`; the lock is held already, by another process or by this one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            raise refusal from err
        yield


@contextmanager
def waited(path: Path) -> Iterator[None]:
    """Waits for the lock of a file, which is made where it is missing, and holds it for as long as the block lasts."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
