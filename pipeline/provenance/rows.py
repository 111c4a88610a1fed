"""Rows of the verification, and how a row is judged."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

State = Literal["agree", "differs", "missing"]
NUM_NAMED = 3


@dataclass(frozen=True)
class Row:
    """One thing that was compared.

    Attributes:
        what: the thing.
        registered: its value when the version was registered.
        found: its value now, or the place where it was found.
        state: "missing": it is nowhere.
        todo: how to repair it; empty if it agrees.
    """

    what: str
    registered: str
    found: str
    state: State
    todo: str = ""


def compare(what: str, registered: str | None, found: str | None, todo: str) -> Row:
    """A row of two values; a value that nobody knows is None."""
    if registered is None or found is None:
        return Row(what, registered or "-", found or "-", "missing", todo)
    is_equal = registered == found
    return Row(what, registered, found, "agree" if is_equal else "differs", "" if is_equal else todo)


def compare_tables(what: str, kind: str, registered: Mapping[str, Any], found: Mapping[str, Any], todo: str) -> Row:
    """A row of two tables, which names what differs or is missing; further names in `found` do not count.

    Args:
        what: the thing.
        kind: of the tables' entries, in the plural.
        registered: values by name.
        found: values by name.
        todo: how to repair a difference.
    """
    wrong = list(_differences(registered, found))
    number = f"{len(registered)} {kind}"
    if not wrong:
        return Row(what, number, f"{len(registered)} as registered", "agree")
    is_gone = all(name not in found for name in registered if registered[name] != found.get(name))
    return Row(what, number, some(wrong), "missing" if is_gone else "differs", todo)


def _differences(registered: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(registered):
        if name not in found:
            yield f"{name} is missing"
        elif registered[name] != found[name]:
            yield f"{name} is {found[name]}, expected {registered[name]}"


def some(phrases: list[str]) -> str:
    """The first phrases and how many more there are."""
    rest = len(phrases) - NUM_NAMED
    return "; ".join(phrases[:NUM_NAMED]) + (f"; and {rest} more" if rest > 0 else "")
