"""The contents of a run, by name and MD5: a file of the run itself, whose MD5 is a tag of the version."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.disk.files import md5_of
from pipeline.disk.records import read_record
from pipeline.registry.run_record import RunRecord

CONTENTS = "lineage/contents.json"
"""Path of the file in the run."""
CONTENTS_TAG = "contents_md5"


@dataclass(frozen=True)
class RunContents:
    """All that registering writes into a run.

    Attributes:
        files: MD5 by path in the run.
        params: by name.
        metrics: finite scores by name.
    """

    files: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Mapping[str, float]

    @property
    def text(self) -> str:
        """The content of the file; equal contents give equal text."""
        return json.dumps(asdict(self), indent=2, sort_keys=True, allow_nan=False) + "\n"

    @classmethod
    def of(cls, record: RunRecord) -> "RunContents":
        """The contents that a run will have, from files that lie here."""
        files = {name: md5_of(path) for name, path in _list_files(record)}
        texts = {name: md5_of_text(text) for name, text in record.texts.items()}
        return cls(files | texts, record.params, record.metrics)

    @classmethod
    def read(cls, path: Path) -> "RunContents":
        """Reads the file.

        Raises:
            EvidenceError: it is missing, or is not what registering writes.
        """
        return read_record(path, cls, "`segline register`")


def md5_of_text(text: str) -> str:
    """MD5 of a text as it is stored, in UTF-8."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _list_files(record: RunRecord) -> Iterator[tuple[str, Path]]:
    """Path in the run of each file, and the file."""
    for path, folder in record.files:
        below = sorted(path.rglob("*")) if path.is_dir() else [path]
        start = path if path.is_dir() else path.parent
        yield from ((f"{folder}/{file.relative_to(start).as_posix()}", file) for file in below if file.is_file())
