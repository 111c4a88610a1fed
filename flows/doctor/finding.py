"""What a look at one thing found."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

NUM_NAMED = 5


@dataclass(frozen=True)
class Finding:
    """A line of the table.

    Attributes:
        place: that was looked at.
        state: of the place.
        todo: how to repair it; "" if all is well.
        done: what `--fix` has repaired.
        repair: repairs it without a loss of work and says what it did; None: a person has to.
    """

    place: str
    state: str
    todo: str = ""
    done: str = ""
    repair: Callable[[], str] | None = field(default=None, repr=False, compare=False)


def rm(paths: Sequence[Path]) -> str:
    """The command that removes some paths."""
    return f"`{shlex.join(['rm', '-rf', *map(str, paths[:NUM_NAMED])])}`" + (" and so on" if paths[NUM_NAMED:] else "")
