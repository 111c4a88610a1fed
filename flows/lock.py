"""One run at a time in one checkout."""

from contextlib import AbstractContextManager
from pathlib import Path

from pipeline.errors import StageError
from pipeline.runtime.locks import held

FOLDER = Path(".segline")


def only_one(work: str) -> AbstractContextManager[None]:
    """Holds the lock of a kind of work, such as "run", for as long as the block lasts.

    Raises:
        StageError: another process holds it.
    """
    refusal = f"another `segline {work}` is under way in {Path.cwd()}; wait for its end, nothing was touched"
    return held(FOLDER / f"{work}.lock", StageError(refusal))
