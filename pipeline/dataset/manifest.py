"""The manifest: a row for each sample that passed validation, in order of name. Later stages trust it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from pipeline.disk.records import Place, read_rows, write_rows

MANIFEST = Path("work/validate/manifest.csv")


@dataclass(frozen=True)
class ManifestRow:
    """A sample fit for training or scoring.

    Attributes:
        image: path, relative to the project's folder, as that of the mask.
        group: unit that is never split.
        split: "train", "val", "test", or "reserve" of what `segline audit` alone looks at.
        height: of the upright image in pixels, as the width.
        image_md5: of the file's bytes, as that of the mask.
    """

    name: str
    image: Path
    mask: Path
    group: str
    split: Annotated[str, Field(pattern="^(train|val|test|reserve)$")]
    height: Place
    width: Place
    image_md5: str
    mask_md5: str


def write_manifest(path: Path, rows: Sequence[ManifestRow]) -> None:
    """Writes the rows as CSV, sorted by name, whole or not at all."""
    write_rows(path, ManifestRow, sorted(rows, key=lambda row: row.name))


def read_manifest(path: Path = MANIFEST) -> list[ManifestRow]:
    """Reads the rows.

    Raises:
        EvidenceError: the manifest is missing or damaged.
    """
    return read_rows(path, ManifestRow, "validate")
