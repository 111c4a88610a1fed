"""Tests of the table of counts per image."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from pipeline.errors import EvidenceError
from pipeline.evaluation.image_table import COLUMNS, ImageTable

Lines = list[list[str]]


def table_of(matrices: np.ndarray, groups: Sequence[str], class_names: Sequence[str] = ("sky", "car")) -> ImageTable:
    """A table of counts (N, K, K), each image with one ignored row of pixels."""
    counted = matrices.sum(axis=(1, 2))
    return ImageTable(
        class_names=tuple(class_names),
        names=tuple(f"image_{index:03}" for index in range(len(matrices))),
        groups=tuple(groups),
        heights=np.full(len(matrices), 2),
        widths=counted,
        brightness=np.linspace(10.1, 200.3, len(matrices)),
        matrices=np.asarray(matrices, np.int64),
    )


@pytest.fixture
def table() -> ImageTable:
    """Two groups of two images."""
    return table_of(np.arange(16).reshape(4, 2, 2) + 1, "aabb")


def assert_equal(one: ImageTable, other: ImageTable) -> None:
    """Every column is alike, types too."""
    for name, expected in vars(one).items():
        found = getattr(other, name)
        assert_array_equal(found, expected)
        assert getattr(found, "dtype", None) == getattr(expected, "dtype", None)


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r")), min_size=1, max_size=3, unique=True
    )
)
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, class_names: list[str]) -> None:
    """A table is read as it was written, whatever the classes are called; the bytes are the same again."""
    path, num_classes = tmp_path_factory.getbasetemp() / "table.csv", len(class_names)
    counts = np.arange(2 * num_classes**2).reshape(2, num_classes, num_classes)
    table = table_of(counts, ("x,y", 'a "street"'), class_names)
    table.write(path)
    written = path.read_bytes()
    assert_equal(table, ImageTable.read(path))
    ImageTable.read(path).write(path)
    assert path.read_bytes() == written


def test_columns(tmp_path: Path, table: ImageTable) -> None:
    """The scores stand beside the counts they follow from; one that does not exist is empty."""
    empty = table_of(np.array([[[3, 1], [0, 4]], [[0, 0], [0, 0]]]), "ab")
    empty.write(tmp_path / "table.csv")
    lines = (tmp_path / "table.csv").read_text().splitlines()
    assert lines[0] == ",".join((*COLUMNS, "sky>sky", "sky>car", "car>sky", "car>car"))
    assert lines[1] == "image_000,a,2,8,10.1,8,8,0.775,0.875,3,1,0,4"
    assert lines[2] == "image_001,b,2,0,200.3,0,0,,,0,0,0,0"


def test_pooled_counts(table: ImageTable) -> None:
    """Pooling adds the images."""
    assert_array_equal(table.pooled(), [[28, 32], [36, 40]])
    assert table.pooled().dtype == np.int64


def test_select(table: ImageTable) -> None:
    """A slice holds the chosen images in every column, by truth values or by rows."""
    chosen = table.select(table.brightness > 100)
    assert chosen.names == ("image_002", "image_003")
    assert chosen.groups == ("b", "b")
    assert_array_equal(chosen.matrices, table.matrices[2:])
    assert_equal(chosen, table.select(np.array([2, 3])))
    assert len(table.select(table.brightness > 300)) == 0


def test_missing_table_is_refused(tmp_path: Path) -> None:
    """A table that is not there names the stage that writes it."""
    with pytest.raises(EvidenceError, match=r"table.csv: not found; run the stage `evaluate` first"):
        ImageTable.read(tmp_path / "table.csv")


def _set(line: int, column: int, text: str) -> Callable[[Lines], None]:
    def change(lines: Lines) -> None:
        lines[line][column] = text

    return change


def _cut(lines: Lines) -> None:
    lines[:] = [line[:9] for line in lines]


DAMAGES: dict[str, tuple[Callable[[Lines], object], str]] = {
    "cut line": (lambda lines: lines[-1].pop(), "line 5 has 12 cells, expected 13"),
    "no image": (lambda lines: lines.__delitem__(slice(1, None)), "it has no image"),
    "no header": (lambda lines: lines.clear(), "its columns are missing"),
    "other columns": (_set(0, 4, "light"), "expected name, group, height, width, brightness"),
    "other pairs": (_set(0, 10, "sky>tree"), "expected name"),
    "no class": (_cut, "expected name"),
    "no number": (_set(2, 9, "many"), "invalid literal for int"),
    "fraction": (_set(2, 9, "1.5"), "invalid literal for int"),
    "negative": (_set(2, 9, "-5"), "a count is negative"),
    "other count": (_set(2, 9, "77"), "the counts of image image_001 do not add up"),
    "other size": (_set(2, 2, "77"), "the counts of image image_001 do not add up"),
    "nan": (_set(2, 4, "nan"), "a brightness is not a number"),
    "twice": (_set(2, 0, "image_000"), "an image is in it twice"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_table_is_refused(tmp_path: Path, table: ImageTable, damage: str) -> None:
    """What is not whole is no evidence, and the message says what is wrong with it."""
    change, message = DAMAGES[damage]
    path = tmp_path / "table.csv"
    table.write(path)
    lines = [line.split(",") for line in path.read_text().splitlines()]
    change(lines)
    path.write_text("".join(",".join(line) + "\n" for line in lines))
    with pytest.raises(EvidenceError, match=f"is damaged .*{message}.*; run the stage `evaluate` again"):
        ImageTable.read(path)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    """A file that is no CSV at all is refused as damaged, too."""
    (tmp_path / "table.csv").write_bytes(b"\xff\xfe\x00name")
    with pytest.raises(EvidenceError, match="is damaged"):
        ImageTable.read(tmp_path / "table.csv")
