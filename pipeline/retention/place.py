"""A place on the disk or in the registry, and what of it goes and what stays, with the reason."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipeline.disk.files import remove
from pipeline.errors import SeglineError

DAY_S = 86_400.0


@dataclass(frozen=True)
class Entry:
    """One thing in a place.

    Attributes:
        what: its path or name.
        num_bytes: that its removal frees; 0 if they are not known.
        reason: why it goes, or for whom it stays.
        remove: removes it; None: it stays.
    """

    what: str
    num_bytes: int
    reason: str
    remove: Callable[[], None] | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Place:
    """A place and all that is in it.

    Attributes:
        name: for people.
        entries: those that go in the order in which they are removed.
        problem: why nothing, or not all, of it can be removed; "" if all is well.
    """

    name: str
    entries: tuple[Entry, ...] = ()
    problem: str = ""

    @property
    def removals(self) -> tuple[Entry, ...]:
        """The entries that go."""
        return tuple(entry for entry in self.entries if entry.remove)


def look_at(name: str, list_entries: Callable[[], Iterator[Entry]]) -> Place:
    """The place with its entries; with none if one of them cannot be judged."""
    try:
        return Place(name, tuple(list_entries()))
    except (SeglineError, OSError) as err:
        return Place(name, problem=f"nothing is removed: {err}")


def clear(place: Place) -> Place:
    """Removes what goes; the place that is given back has only the entries that were removed or stay."""
    kept = tuple(entry for entry in place.entries if not entry.remove)
    removed: list[Entry] = []
    try:
        for entry in place.entries:
            if entry.remove:
                entry.remove()
                removed.append(entry)
    except (SeglineError, OSError) as err:
        return replace(place, entries=(*removed, *kept), problem=f"not all is removed: {err}")
    return place


def words(days: float) -> str:
    """A limit in words."""
    return f"{days:g} d"


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; links count themselves."""
    return sum(file.lstat().st_size for file in _files_of(path))


def changed_at(path: Path) -> float:
    """When a file, or the newest below a folder, was written: seconds since 1970."""
    return max((file.lstat().st_mtime for file in _files_of(path)), default=path.lstat().st_mtime)


def _files_of(path: Path) -> Sequence[Path]:
    if path.is_dir() and not path.is_symlink():
        return [file for file in path.rglob("*") if file.is_symlink() or not file.is_dir()]
    return [path]


def remove_whole(path: Path) -> None:
    """Removes a file or folder; a kill leaves all of it in place, or a hidden rest that the next removal takes."""
    rest = path.with_name(f".{path.name}.part")
    remove(rest)
    if path.exists() or path.is_symlink():
        path.rename(rest)
        remove(rest)
