"""The manifest."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dataset.manifest import ManifestRow, read_manifest, write_manifest
from pipeline.errors import EvidenceError

NAMES = st.text(st.characters(exclude_characters="/\0\r", exclude_categories=["Cs"]), min_size=1)


def row(name: str, group: str = "g") -> ManifestRow:
    """A row whose files have the name, too."""
    return ManifestRow(
        name, Path(f"data/images/{name}.jpg"), Path(f"data/masks/{name}.png"), group, "val", 3, 4, "1f", "2e"
    )


@given(names=st.lists(st.tuples(NAMES, NAMES), unique_by=lambda pair: pair[0], max_size=5))
def test_rows_survive_the_file(tmp_path_factory: pytest.TempPathFactory, names: list[tuple[str, str]]) -> None:
    """The rows come back in order of name, with any text in the names."""
    path = tmp_path_factory.mktemp("manifest") / "manifest.csv"
    rows = [row(*pair) for pair in names]
    write_manifest(path, rows)
    assert read_manifest(path) == sorted(rows, key=lambda row: row.name)


def test_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    """The same rows give the same bytes."""
    write_manifest(tmp_path / "a.csv", [row("x"), row("y")])
    write_manifest(tmp_path / "b.csv", [row("y"), row("x")])
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_missing_manifest(tmp_path: Path) -> None:
    """The message says which stage makes it."""
    with pytest.raises(EvidenceError, match="not found; run the stage `validate` first"):
        read_manifest(tmp_path / "manifest.csv")


def test_damaged_manifest(tmp_path: Path) -> None:
    """A short row or a text in place of a number is reported with advice."""
    for text in ("name,image\nx,y\n", "garbage"):
        (tmp_path / "manifest.csv").write_text(text + "\nx,y,z\n")
        with pytest.raises(EvidenceError, match="is damaged .* run the stage `validate` again"):
            read_manifest(tmp_path / "manifest.csv")
