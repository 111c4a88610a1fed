"""What is new since the last scheduled run: committed code and params, and data by the words of an import."""

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from pipeline.disk.records import write_record
from pipeline.errors import ParamsError
from pipeline.registry.lineage import CODE
from pipeline.repository.checkout import DATA_DVC, SOURCE, Checkout, Start
from pipeline.text import some

SETTLE = "SEGLINE_SETTLE_S"
SETTLE_S = 60.0
"""Objects younger than this may belong to an upload that is under way."""
WATCHED = (*CODE, "params.yaml", DATA_DVC)
"""Files of the repository whose change starts a run."""
DVC_SETTINGS = ".dvc/config"


@dataclass(frozen=True)
class Prefix:
    """A place in S3 at one moment; see `pipeline.object_store.store.Listing`."""

    url: str
    num_objects: int
    sha256: str


@dataclass(frozen=True)
class Source:
    """What an import reads; two equal ones give the same data.

    Attributes:
        words: after `segline import`; empty if the data are those of data.dvc.
        prefixes: the state of each place in S3 that a word names.
    """

    words: tuple[str, ...]
    prefixes: tuple[Prefix, ...]

    def write(self, path: Path) -> None:
        """Writes the source as JSON."""
        write_record(path, self)


@dataclass(frozen=True)
class Changes:
    """What is new for a scheduled run.

    Attributes:
        start: what the run starts from.
        source: what an import would read now.
        is_source_new: the last run read another source.
        is_arriving: the source's newest object is so young that an upload may be under way.
        files: paths of files in the repository that changed.
    """

    start: Start
    source: Source
    is_source_new: bool
    is_arriving: bool
    files: tuple[str, ...]

    @property
    def reason_to_skip(self) -> str:
        """Why there is nothing to run yet; empty if there is something."""
        if self.is_source_new and self.is_arriving:
            return f"an upload to {shlex.join(self.source.words)} may be under way; the next run looks again"
        if self.is_source_new or self.files or not self.start.is_last_finished:
            return ""
        return f"no change since the last run, commit {str(self.start.last)[:8]}"

    def __str__(self) -> str:
        source = [f"the source {shlex.join(self.source.words)}"] if self.is_source_new else []
        return some([*self.files, *source]) or "nothing, but that run did not come to its end"


def find_changes(checkout: Checkout, source: str, branch: str) -> Changes:
    """Compares the newest commit of a branch and what an import reads now with the last run.

    Args:
        checkout: the clone of the runs.
        source: words after `segline import`, as a shell splits them; empty: the data are those of data.dvc.
        branch: whose code is run; empty: the default branch of `origin`.

    Raises:
        ParamsError: the words cannot be split, or SEGLINE_SETTLE_S is not a number of seconds.
        RepositoryError: this is not a git repository, there is no such branch, or `origin` refuses.
        StorageError: a place in S3 cannot be read.
    """
    words, settle_s = _split(source), _read_settle_s()
    start = checkout.fetch(branch)
    now, is_arriving = _look_at(words, settle_s)
    is_new = bool(words) and now != parse_source(checkout.read(start.last, SOURCE))
    return Changes(start, now, is_new, is_arriving, tuple(checkout.list_changes(start, WATCHED)))


def print_unpushed(checkout: Checkout, runs: str = "scheduled runs") -> None:
    """Prints a note if the project has changes that `runs`, which work with the commits of `origin`, do not see."""
    if unpushed := checkout.list_unpushed([*WATCHED, DVC_SETTINGS]):
        print(f"note: {runs} do not see {some(unpushed)}; to have it run, commit and push it", flush=True)


def _split(source: str) -> list[str]:
    try:
        return shlex.split(source)
    except ValueError as err:
        raise ParamsError(f"source {source!r}: {err}; expected the words after `segline import`") from err


def _look_at(words: Sequence[str], settle_s: float) -> tuple[Source, bool]:
    """The source that an import would read now, and whether its newest object is young."""
    if not any(word.startswith("s3://") for word in words):
        return Source(tuple(words), ()), False
    from pipeline.object_store.store import Store, is_url  # half a second

    listings = {url: Store(url).listing() for url in words if is_url(url)}
    prefixes = (Prefix(url, seen.num_objects, seen.sha256) for url, seen in listings.items())
    return Source(tuple(words), tuple(prefixes)), any(seen.age_s < settle_s for seen in listings.values())


def _read_settle_s() -> float:
    text = os.environ.get(SETTLE, str(SETTLE_S))
    try:
        if (seconds := float(text)) >= 0:
            return seconds
    except ValueError:
        pass
    raise ParamsError(f"{SETTLE} is {text!r}, expected seconds, 0 or more")


def parse_source(text: str | None) -> Source | None:
    """The source of a run; None if it had none, or if it cannot be read, so that the import is done again."""
    try:
        return TypeAdapter(Source).validate_json(text) if text else None
    except ValidationError:
        return None
