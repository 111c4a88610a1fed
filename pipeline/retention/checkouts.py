"""The folders in which runs work: the project, and the clone of scheduled runs; and locks that hold all runs off."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pipeline.errors import StageError
from pipeline.repository.checkout import CLONE
from pipeline.retention.dvc_store import locked
from pipeline.runtime.locks import FOLDER, held, is_held
from pipeline.training.checkpoints import CHECKPOINTS

SERVING = {"schedule.lock": "a schedule is served", "stack.lock": "the stack's servers are up"}
"""Locks that are held while servers wait for work, also while nothing runs."""
WORKS = ("run", "noise", "tune", "crossval", "scheduled", "reproduce")


def list_checkouts() -> list[Path]:
    """The project, and the clone if there is one."""
    return [Path(), *([CLONE] if (CLONE / ".git").exists() else [])]


def list_locks(checkout: Path = Path()) -> list[Path]:
    """Files of locks in a checkout, held or not; they exist from the first use on."""
    locks = (*sorted((checkout / FOLDER).glob("*.lock")), checkout / CHECKPOINTS / "lock")
    return [path for path in locks if path.exists()]


def list_held(checkout: Path = Path()) -> list[Path]:
    """Locks of a checkout that a living process holds for work, such as a run."""
    return [path for path in list_locks(checkout) if path.name not in SERVING and is_held(path)]


def list_serving() -> list[str]:
    """What waits for work in the project, such as a schedule that is served."""
    return [what for name, what in SERVING.items() if (FOLDER / name).exists() and is_held(FOLDER / name)]


@contextmanager
def idle(*checkouts: Path) -> Iterator[None]:
    """Holds every lock of the checkouts during the block, those of DVC too, so that no run is alive and none begins.

    Raises:
        StageError: a run is under way.
    """
    with ExitStack() as stack:
        for checkout in checkouts:
            known = {checkout / FOLDER / f"{work}.lock" for work in WORKS} | set(list_locks(checkout))
            for path in sorted(path for path in known if path.name not in SERVING):
                refusal = f"{path}: a run is under way; wait for its end, nothing was touched"
                stack.enter_context(held(path, StageError(refusal)))
            stack.enter_context(locked(checkout))
        yield
