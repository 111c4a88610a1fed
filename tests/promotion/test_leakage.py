"""Tests of counting the test images that a registered model was trained or chosen on."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.dataset.manifest import MANIFEST, ManifestRow, write_manifest
from pipeline.promotion.leakage import count_leaked
from pipeline.registry.client import Version
from pipeline.registry.connection import opened
from pipeline.registry.runs import create_run
from tests.finished_project import use_registry

pytestmark = pytest.mark.services

ROWS = [
    ManifestRow(
        str(index), Path(f"{index}.png"), Path(f"{index}_mask.png"), "here", split, 8, 8, f"image {index}", "mask"
    )
    for index, split in enumerate(("train", "train", "val", "test", "reserve"))
]


def test_images_that_were_moved_into_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted by their bytes, whatever they are called by now; without a manifest nothing is known."""
    monkeypatch.chdir(tmp_path)
    use_registry(tmp_path, monkeypatch)
    run_id = create_run()
    version = Version("segline", 1, run_id, (), {}, datetime.now(UTC))
    assert count_leaked(version, ROWS) is None
    write_manifest(MANIFEST, ROWS)
    with opened() as (_, client):
        client.log_artifacts(run_id, str(MANIFEST.parent), "validate")
    assert count_leaked(version, ROWS) == 0
    moved = [replace(row, name=f"new {row.name}", split="test") for row in ROWS[1:]]  # no model saw the reserve
    assert count_leaked(version, [ROWS[0], *moved]) == 2
