"""Names of samples: what every file system, table and page can hold, on any machine that the data set comes to."""

import unicodedata
from pathlib import Path

from pipeline.errors import DataError
from pipeline.text import shown

MAX_BYTES = 240  # file systems take 255, and what is written beside a file has a longer name
UNFIT = ("Cc", "Cs", "Zl", "Zp")
"""Unicode's categories of control characters, of bytes that are no UTF-8, and of line breaks."""


def check_name(name: str, path: Path) -> None:
    """Refuses a name that a table, a terminal or another machine would change or not take.

    Args:
        name: of a sample.
        path: of its file, for the message.

    Raises:
        DataError: it has control characters, line breaks, bytes that are no UTF-8, a blank at an end, or is too long.
    """
    if fault := _fault(name):
        raise DataError(f"{shown(str(path))}: its name {shown(repr(name))} {fault}; rename the file")


def same_everywhere(name: str) -> str:
    """The form in which names are compared: file systems of other machines ignore case and Unicode's forms."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _fault(name: str) -> str:
    if any(unicodedata.category(char) in UNFIT for char in name):
        return "has control characters, line breaks or bytes that are no UTF-8"
    if name != name.strip():
        return "begins or ends with a blank, which tables lose"
    if len(name.encode()) > MAX_BYTES:
        return f"has {len(name.encode())} bytes, expected at most {MAX_BYTES}"
    return ""
