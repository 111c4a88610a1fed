"""Text from outside (names of files, classes, tags) as it may be shown on a terminal or a page."""

from collections.abc import Iterable, Sequence

MAX_SHOWN = 300
NUM_LAST = 60
MAX_QUOTED = 60
NUM_NAMES = 10
NUM_PHRASES = 5


def shown(text: str) -> str:
    """One printable line of at most 300 characters, safe for a terminal.

    Control characters, line breaks, invisible and undecodable characters become escapes as Python writes them (`\\n`,
    `\\x1b`, `\\u202e`, `\\udcff`). Of a longer text the middle is left out.
    """
    line = _escaped(text)
    if len(line) <= MAX_SHOWN:
        return line
    return f"{line[: MAX_SHOWN - NUM_LAST - 3]}...{line[-NUM_LAST:]}"


def quoted(name: object) -> str:
    """A name in a message: in quotes, its odd characters escaped, cut where it is long."""
    text = ascii(name) if not isinstance(name, str) or not name.isprintable() else repr(name)
    return text if len(text) <= MAX_QUOTED else f"{text[:MAX_QUOTED]}..."


def show_names(names: Iterable[str], most: int = NUM_NAMES) -> str:
    """The first names, in order, and how many more there are."""
    return some([shown(name) for name in sorted(names)], most)


def some(phrases: Sequence[str], most: int = NUM_PHRASES) -> str:
    """The first phrases and how many more there are."""
    more = f" and {len(phrases) - most} more" if len(phrases) > most else ""
    return ", ".join(phrases[:most]) + more


def printable(text: str) -> str:
    """The whole text with the line breaks that it has, every other control or invisible character escaped."""
    return "\n".join(map(_escaped, text.split("\n")))


def _escaped(text: str) -> str:
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
