"""Each network and each loss, from packed arrays to a SavedModel."""

from pathlib import Path

import pytest

from pipeline.dataset.manifest import ManifestRow
from tests.benchmarks.networks import TRIALS, attempt, write_packed

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[ManifestRow]]:
    """A folder with packed arrays, and the rows of its manifest."""
    folder = tmp_path_factory.mktemp("packed")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return folder, write_packed(folder)


@pytest.mark.parametrize("name", TRIALS)
def test_it_learns_and_its_export_agrees(
    name: str, packed: tuple[Path, list[ManifestRow]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After twelve epochs it is better than the majority class, and the SavedModel gives its probabilities."""
    folder, rows = packed
    monkeypatch.chdir(folder)
    gain, is_exported = attempt(name, rows, folder)
    assert gain > 0 and is_exported
