"""Places of publications: folders that a number names, on a disk or in an object store."""

import hashlib
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from pipeline.errors import StorageError
from pipeline.publishing.record import GRAPH, RECORD, SIGNATURE
from pipeline.text import shown

NUMBER = re.compile(r"[0-9]{1,19}")


class Place(Protocol):
    """The publications of one model. A path is `NUMBER/FILE`; no method follows a link.

    Each method raises `StorageError` if the place cannot be used, and `StageError` if the disk is full.

    Attributes:
        address: for people.
    """

    address: str

    def alone(self) -> AbstractContextManager[None]:
        """Keeps other publishers waiting during the block, if the place can."""

    def list_files(self) -> list[str]:
        """The path of each file; of a link, its own path."""

    def read(self, path: str, max_bytes: int) -> bytes:
        """The first `max_bytes` of a file; none if there is no such file."""

    def sha256_of(self, path: str) -> str:
        """SHA-256 of a file; other words if it is none."""

    def add(self, number: int, files: Mapping[str, Path]) -> None:
        """Adds a publication with these files by name, GRAPH last."""

    def write(self, path: str, source: Path) -> None:
        """Copies a file to a path, whole or not at all."""

    def delete(self, path: str) -> None:
        """Deletes a file."""

    def remove(self, number: int) -> None:
        """Removes a publication; whatever is left of it after a kill has no GRAPH, but its RECORD."""


def in_order(names: Mapping[str, Path] | set[str]) -> list[str]:
    """Names in the order in which they are written: a publication without its last file cannot be loaded."""
    return sorted(names, key=lambda name: (name == GRAPH, name != RECORD, name != SIGNATURE, name))


def hash_file(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_model_name(name: str) -> str:
    """The name of a model, which is to name a folder.

    Raises:
        StorageError: it names another folder than its own.
    """
    if name.startswith(".") or name != name.strip():
        raise StorageError(f"model {shown(name)!r}: cannot be the name of a folder; set SEGLINE_MODEL_NAME to another")
    return name


def number_of(path: str) -> int | None:
    """The number at the beginning of a path, as TensorFlow Serving reads it."""
    first = path.partition("/")[0]
    return int(first) if NUMBER.fullmatch(first) else None


def list_names(paths: list[str], number: int) -> set[str]:
    """The names of the files of a publication among the paths of a place."""
    start = f"{number}/"
    return {path.removeprefix(start) for path in paths if path.startswith(start)}
