"""Locks that end with the process that holds them, however it ends."""

import fcntl
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from pipeline.errors import SeglineError, StageError

FOLDER = Path(".segline")
"""Files of this checkout besides DVC's outputs: locks, costs, the noise floor's seeds, Prefect's own server."""


def only_one(work: str) -> AbstractContextManager[None]:
    """Holds the lock of a kind of work in this checkout, such as "run", during the block.

    Raises:
        StageError: another process holds it.
    """
    refusal = f"another `segline {work}` is under way in {Path.cwd()}; wait for its end, nothing was touched"
    return held(FOLDER / f"{work}.lock", StageError(refusal))


@contextmanager
def held(path: Path, refusal: SeglineError) -> Iterator[None]:
    """Holds the lock of a file, which is made if it is missing, during the block.

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


def is_held(path: Path) -> bool:
    """True if a process holds the lock of a file, which must exist."""
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@contextmanager
def waited(path: Path) -> Iterator[None]:
    """Waits for the lock of a file, which is made if it is missing, and holds it during the block."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
