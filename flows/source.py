"""Where a schedule's data come from: the words of an import, and the state of what they name in S3."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from pipeline.disk.records import write_record
from pipeline.errors import ParamsError
from pipeline.importers.object_store import is_url, read_listing

SETTLE = "SEGLINE_SETTLE_S"
SETTLE_S = 60.0
"""Objects younger than this may belong to an upload that is under way."""


@dataclass(frozen=True)
class Watched:
    """A prefix in S3 at one moment; see `pipeline.importers.object_store.Listing`."""

    url: str
    num_objects: int
    sha256: str


@dataclass(frozen=True)
class Source:
    """What an import reads; two equal ones give the same data.

    Attributes:
        words: after `segline import`.
        watched: the state of each place in S3 that a word names.
    """

    words: tuple[str, ...]
    watched: tuple[Watched, ...]

    def write(self, path: Path) -> None:
        """Writes the source as JSON."""
        write_record(path, self)


def read_source(text: str | None) -> Source | None:
    """The source that a run has written; None if there is none that can be read, so the import is done again."""
    try:
        return TypeAdapter(Source).validate_json(text) if text else None
    except ValidationError:
        return None


def look_at(words: Sequence[str]) -> tuple[Source, bool]:
    """The source that an import by these words would read now, and whether objects are still arriving there.

    Raises:
        StorageError: a place in S3 cannot be read.
        ParamsError: the environment's time to settle is not a number of seconds.
    """
    urls = [word for word in words if is_url(word)]
    listings = [read_listing(url) for url in urls]
    watched = (Watched(url, seen.num_objects, seen.sha256) for url, seen in zip(urls, listings, strict=True))
    settle_s = _read_settle_s()
    return Source(tuple(words), tuple(watched)), any(seen.age_s < settle_s for seen in listings)


def _read_settle_s() -> float:
    text = os.environ.get(SETTLE, str(SETTLE_S))
    try:
        if (seconds := float(text)) >= 0:
            return seconds
    except ValueError:
        pass
    raise ParamsError(f"{SETTLE} is {text!r}, expected seconds, 0 or more")
