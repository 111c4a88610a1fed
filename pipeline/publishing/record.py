"""The record inside a publication: which model it is, by which decision, and the hash of each of its files."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from pipeline.disk.files import parse_json
from pipeline.disk.records import Count, parse_record
from pipeline.errors import EvidenceError
from pipeline.registry.client import Version

GRAPH = "saved_model.pb"
"""TensorFlow Serving loads no version without it, so it is written last and removed first."""
RECORD = "assets.extra/segline.json"
SIGNATURE = f"{RECORD}.minisig"
MAX_RECORD_BYTES = 1 << 20


def _check_paths(files: Mapping[str, str]) -> Mapping[str, str]:
    if GRAPH not in files:
        raise ValueError(f"it lacks {GRAPH}")
    return files


@dataclass(frozen=True)
class Record:
    """The record of a publication.

    Attributes:
        model: name of the registered model.
        version: its number in the registry.
        ledger_line: number of the line by which it is champion; also the number of the publication.
        git_commit: of the code that made it.
        data_md5: of the data set.
        model_md5: of its SavedModel, as DVC names a folder.
        files: SHA-256 of each file of the SavedModel by its path.
    """

    model: str
    version: Count
    ledger_line: Count
    git_commit: str
    data_md5: str
    model_md5: str
    files: Annotated[Mapping[str, str], AfterValidator(_check_paths)]

    @classmethod
    def of(cls, version: Version, ledger_line: int, files: Mapping[str, str]) -> "Record":
        """The record of a version, whose tags were verified."""
        return cls(
            model=version.name,
            version=version.number,
            ledger_line=ledger_line,
            git_commit=version.tags.get("git_commit", ""),
            data_md5=version.tags.get("data_md5", ""),
            model_md5=version.tags.get("model_md5", ""),
            files=files,
        )

    @classmethod
    def parse(cls, content: bytes) -> "Record":
        """Reads a record.

        Raises:
            EvidenceError: the content is not a record.
        """
        try:
            parsed = parse_json(content.decode())
        except ValueError as err:
            raise EvidenceError(f"{RECORD}: is not JSON ({err}); run `segline publish` again") from err
        return parse_record(parsed, cls, Path(RECORD), "`segline publish`")

    def __str__(self) -> str:
        return f"{self.model}/{self.version}"

    def to_bytes(self) -> bytes:
        """Canonical JSON (RFC 8785): equal records have equal bytes, which are signed."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
