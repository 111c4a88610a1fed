"""The difference hash of each good sample's image, stored beside the manifest and with it in a model's run."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from pipeline.disk.records import read_rows, write_rows

HASHES = Path("work/validate/hashes.csv")


@dataclass(frozen=True)
class _HashRow:
    name: str
    hash: Annotated[str, Field(pattern="^[0-9a-f]{16}$")]


def write_hashes(path: Path, hashes: Mapping[str, int]) -> None:
    """Writes 64-bit hashes by name of sample as CSV, in hex, sorted by name."""
    write_rows(path, _HashRow, [_HashRow(name, f"{hash_:016x}") for name, hash_ in sorted(hashes.items())])


def read_hashes(path: Path = HASHES) -> dict[str, int]:
    """Reads the hashes by name of sample.

    Raises:
        EvidenceError: the file is missing or damaged.
    """
    return {row.name: int(row.hash, 16) for row in read_rows(path, _HashRow, "validate")}
