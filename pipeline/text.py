"""Text from outside (names of files, classes, tags) as it may be shown on a terminal or a page."""

MAX_SHOWN = 300
NUM_LAST = 60


def shown(text: str) -> str:
    """One printable line of at most 300 characters; nothing in it moves a cursor, breaks a line or sets a colour.

    Control characters, line breaks, invisible and undecodable characters become escapes as Python writes them (`\\n`,
    `\\x1b`, `\\u202e`, `\\udcff`). Of a longer text the middle is left out.
    """
    line = _escaped(text)
    if len(line) <= MAX_SHOWN:
        return line
    return f"{line[: MAX_SHOWN - NUM_LAST - 3]}...{line[-NUM_LAST:]}"


def printable(text: str) -> str:
    """The whole text with the line breaks that it has, every other control or invisible character escaped."""
    return "\n".join(map(_escaped, text.split("\n")))


def _escaped(text: str) -> str:
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
