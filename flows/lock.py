"""One run at a time in one checkout, by a lock that ends with the process that holds it."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import StageError

FOLDER = Path(".segline")


@contextmanager
def only_one(work: str) -> Iterator[None]:
    """Holds the lock of a kind of work, such as "run", for as long as the block lasts.

    Raises:
        StageError: another process holds it.
    """
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / f"{work}.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            raise StageError(
                f"another `segline {work}` is under way in {Path.cwd()}; wait for its end, nothing was touched"
            ) from err
        yield
