"""Tests of counting the test images that a registered model was trained or chosen on."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.dataset.manifest import MANIFEST, ManifestRow, write_manifest
from pipeline.promotion.leakage import Exposure, Today, find_exposure
from pipeline.registry.client import Version
from pipeline.registry.connection import opened
from pipeline.registry.runs import create_run
from pipeline.validation.hashes import HASHES, write_hashes
from tests.finished_project import use_registry

pytestmark = pytest.mark.services

LOOKS = (0xAAAA0000FFFF1234, 0x1234567812345678, 0x0F0F33330F0F3333, 0x55555555AAAAAAAA)
ROWS = [
    ManifestRow(str(i), Path(f"{i}.png"), Path(f"{i}_mask.png"), f"group {i}", split, 8, 8, f"image {i}", "mask")
    for i, split in enumerate(("train", "train", "val", "test"))
]
NAMED = {row.name: look for row, look in zip(ROWS, LOOKS, strict=True)}


@pytest.fixture(autouse=True)
def _registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    use_registry(tmp_path, monkeypatch)


def version_of(rows: Sequence[ManifestRow], hashes: Mapping[str, int] | None = None) -> Version:
    """A version whose run has a manifest, and hashes if there are any."""
    run_id = create_run()
    write_manifest(MANIFEST, rows)
    if hashes is not None:
        write_hashes(HASHES, hashes)
    with opened() as (_, client):
        client.log_artifacts(run_id, str(MANIFEST.parent), "validate")
    return Version("segline", 1, run_id, (), {}, datetime.now(UTC))


def today(
    rows: Sequence[ManifestRow], hashes: Mapping[str, int] | None, known: str = "", bits: int | None = 4
) -> Today:
    """Today's data."""
    return Today(rows, hashes, bits, {known})


def test_images_that_were_moved_into_test() -> None:
    """Counted once, by bytes and group, whatever they are called; a group that may be in several splits is not."""
    version = version_of(ROWS, NAMED)
    assert find_exposure(version, today(ROWS, NAMED)) == Exposure(0, 0, 0, 0)
    bytes_only = [replace(row, name=f"new {row.name}", group="new", split="test") for row in ROWS[1:]]
    hashes = {row.name: 0 for row in bytes_only} | NAMED
    assert find_exposure(version, today([ROWS[0], *bytes_only], hashes)) == Exposure(2, 2, 0, 0)
    grouped = [*ROWS[:3], replace(ROWS[3], group="group 1")]
    assert find_exposure(version, today(grouped, NAMED)) == Exposure(1, 0, 1, 0)
    assert find_exposure(version, today(grouped, NAMED, known="group 1")) == Exposure(0, 0, 0, 0)
    assert find_exposure(version, today([replace(row, split="test") for row in ROWS], NAMED)) == Exposure(3, 3, 3, 3)


def test_images_that_were_saved_again_and_moved_into_test() -> None:
    """By their looks, unless the looks are off, the picture is flat, or `validate` has warned of the same look."""
    version = version_of(ROWS, NAMED)
    new = replace(ROWS[0], name="new", group="new", split="test", image_md5="saved again")
    rows, alike = [*ROWS[1:], new], {**NAMED, "new": LOOKS[0] ^ 0b1111}
    assert find_exposure(version, today(rows, alike)) == Exposure(1, 0, 0, 1)
    assert find_exposure(version, today(rows, {**alike, "new": LOOKS[0] ^ 0b11111})) == Exposure(0, 0, 0, 0)
    assert find_exposure(version, today(rows, alike, bits=None)) == Exposure(0, 0, 0, 0)
    assert find_exposure(version, today([*ROWS, new], alike)) == Exposure(0, 0, 0, 0)
    flat = version_of(ROWS, {**NAMED, "0": 1})
    assert find_exposure(flat, today(rows, {**alike, "new": 1})) == Exposure(0, 0, 0, 0)


def test_exposure_that_is_not_known() -> None:
    """Without a manifest all is unknown; without hashes, here or in the run, the looks are."""
    bare = Version("segline", 1, create_run(), (), {}, datetime.now(UTC))
    assert find_exposure(bare, today(ROWS, NAMED)) is None
    assert find_exposure(version_of(ROWS), today(ROWS, NAMED)) == Exposure(0, 0, 0, None)
    version = version_of(ROWS, NAMED)
    assert find_exposure(version, today(ROWS, None)) == Exposure(0, 0, 0, None)
    assert find_exposure(version, today(ROWS, {"0": 1})) == Exposure(0, 0, 0, None)
