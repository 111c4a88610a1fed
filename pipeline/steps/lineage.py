"""Writes the chain of a registered version as a picture and in two open formats."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from pipeline.disk.files import written_whole
from pipeline.errors import DataError
from pipeline.ledger.aliases import read_standing
from pipeline.provenance.chain import build_chain
from pipeline.provenance.cyclonedx import to_bom
from pipeline.provenance.openlineage import producer, to_events
from pipeline.provenance.picture import draw_chain
from pipeline.provenance.registered import opened_version
from pipeline.registry.client import Version
from pipeline.text import shown

OURS = b"pkg:pypi/segline@"
"""Is in each file that this step writes; a file without it is another's."""


class Lineage(NamedTuple):
    """The files that were written.

    Attributes:
        version: whose chain it is.
        picture: SVG.
        events: OpenLineage, an event a line.
        materials: CycloneDX.
    """

    version: Version
    picture: Path
    events: Path
    materials: Path


def lineage(model: str, out: Path) -> Lineage:
    """See `segline.lineage`."""
    with opened_version(model) as registered:
        chain = build_chain(registered, read_standing())
        written = Lineage(registered.version, out / "lineage.svg", out / "openlineage.ndjson", out / "bom.cdx.json")
        texts = {
            written.picture: draw_chain(f"Lineage of {registered.version}", chain, producer()),
            written.events: to_events(registered),
            written.materials: to_bom(registered),
        }
    _check_out(out, texts)
    for path, text in texts.items():
        with written_whole(path) as part:
            part.write_text(text, encoding="utf-8")
    return written


def _check_out(out: Path, texts: Mapping[Path, str]) -> None:
    if out.exists() and not out.is_dir():
        raise DataError(f"{out}: is a file, expected a folder; name another with --out")
    for path in texts:
        if path.is_symlink() or path.is_dir() or (path.exists() and OURS not in path.read_bytes()):
            raise DataError(
                f"{path}: was not written by `segline lineage`; move it away, or name another folder with --out"
            )


def show(written: Lineage) -> None:
    """Prints the files."""
    print(f"{shown(str(written.version))}: {written.picture}, {written.events}, {written.materials}")
