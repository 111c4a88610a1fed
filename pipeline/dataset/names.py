"""Names that users give to classes, groups and samples; they are shown in files, pages, tags and file names."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from pipeline.errors import DataError
from pipeline.text import quoted, shown

T = TypeVar("T")
MAX_CHARS = 200
"""MLflow takes 250 for a metric's name, which is `precision/` and the name of a class."""
MAX_BYTES = 240  # of a sample's name: file systems take 255, and files made from it have longer names
MAX_METRIC_CHARS = 250
"""Of a metric's or param's name in MLflow."""
UNFIT = ("Cc", "Cs", "Zl", "Zp")
"""Unicode's categories of control characters, of bytes that are not UTF-8, and of line breaks."""
THIRDS = {"size": ("small", "medium", "large"), "brightness": ("dark", "medium", "bright")}
"""Names of the slices of a test split by kind; slices of the kind `group` have the groups' names."""
RESERVED = ("micro avg", "macro avg", "weighted avg")
"""Rows of scikit-learn's classification report next to the classes."""


def problem_of(name: object) -> str | None:
    """The fault of a name, as the rest of a sentence that begins with the name; None if it has none.

    A name is a text of 1 to `MAX_CHARS` printable characters without blanks at its ends.
    """
    if not isinstance(name, str):
        return "is not text; write it in quotes"
    if not name.strip():
        return "is empty; give it a name"
    if name != name.strip():
        return "begins or ends with a blank; remove it"
    if not name.isprintable():
        odd = next(character for character in name if not character.isprintable())
        return f"holds the character U+{ord(odd):04X}, which cannot be printed; remove it"
    if len(name) > MAX_CHARS:
        return f"has {len(name)} characters, expected at most {MAX_CHARS}; shorten it"
    return None


def check_class_names(names: Sequence[object], source: object) -> None:
    """Checks the names of all classes of a file `source`.

    Raises:
        DataError: one is impossible or reserved, or two differ in case only.
    """
    seen: dict[str, str] = {}
    for name in names:
        if problem := problem_of(name):
            raise DataError(f"{source}: class name {quoted(name)} {problem}")
        assert isinstance(name, str)
        if name.casefold() in RESERVED:
            raise DataError(f"{source}: class name {name!r} is that of an average in the report; rename the class")
        if (other := seen.setdefault(name.casefold(), name)) != name:
            raise DataError(f"{source}: class names {quoted(other)} and {quoted(name)} differ in case only; rename one")


def check_name(name: str, path: Path) -> None:
    """Checks the name of a sample, which tables, terminals and file systems must keep; `path` is its file.

    Raises:
        DataError: it has control characters, line breaks, bytes that are not UTF-8, a blank at an end, or is too long.
    """
    if fault := _fault_of_file_name(name):
        raise DataError(f"{shown(str(path))}: its name {shown(repr(name))} {fault}; rename the file")


def clean_name(name: str) -> str:
    """A name as a metric or param may have it in MLflow and TensorBoard, neither a path nor markup.

    Letters, digits, spaces, dots and dashes stay. Other characters become underscores, and so do "." and "..".
    """
    if name in (".", ".."):
        return "_" * len(name)
    return re.sub(r"[^\w .-]", "_", name)[:MAX_METRIC_CHARS]


def same_everywhere(name: str) -> str:
    """The form in which names are compared: file systems of other machines ignore case and Unicode's forms."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def first_double(items: Iterable[T], key: Callable[[T], object]) -> tuple[T, T] | None:
    """The first item whose key an item before it has: that item before it, and it."""
    seen: dict[object, T] = {}
    for item in items:
        if (other := seen.setdefault(key(item), item)) is not item:
            return other, item
    return None


def _fault_of_file_name(name: str) -> str:
    if not name.isprintable() and any(unicodedata.category(char) in UNFIT for char in name):
        return "has control characters, line breaks or bytes that are not UTF-8"
    if name != name.strip():
        return "begins or ends with a blank, which tables lose"
    if len(name.encode()) > MAX_BYTES:
        return f"has {len(name.encode())} bytes, expected at most {MAX_BYTES}"
    return ""
