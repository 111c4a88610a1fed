"""Tests of records read from JSON and CSV."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.disk.records import Count, Place, parse_csv, read_cells, read_record, read_rows
from pipeline.errors import EvidenceError


@dataclass(frozen=True)
class Thing:
    """A record."""

    name: str
    file: Path
    rank: Place
    share: float


@dataclass(frozen=True)
class Box:
    """A record with others in it."""

    things: tuple[Thing, ...]
    counts: dict[str, Count]


THING = '{"name": "a", "file": "x/y", "rank": 3, "share": 1}'


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Lists become tuples, texts paths, whole numbers floats; unknown fields are no harm."""
    (tmp_path / "a.json").write_text(f'{{"things": [{THING}], "counts": {{"a": 0}}, "more": 1}}')
    found = read_record(tmp_path / "a.json", Box, "the stage `gate`")
    assert found == Box((Thing("a", Path("x/y"), 3, 1.0),), {"a": 0})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "it: Input should be"),
        ("{}", "things: Field required; counts: Field required"),
        ('{"things": [], "counts": {"a": -1}}', "counts.a: Input should be greater than or equal to 0, found -1"),
        ('{"things": [], "counts": {"a": "1"}}', "counts.a: Input should be a valid integer, found '1'"),
        ('{"things": [], "counts": {"a": true}}', "counts.a: Input should be a valid integer, found True"),
        ('{"things": [], "counts": {"a": 1e300}}', "counts.a: Input should be a valid integer"),
        ('{"things": [], "counts": {"a": 9999999999999999999999}}', "counts.a: Input should be less than or equal"),
        ('{"things": [{}], "counts": {}}', "things.0.name: Field required; .* and 1 more"),
    ],
)
def test_another_record_is_refused(tmp_path: Path, content: str, message: str) -> None:
    """The message has the file, the field and who writes it."""
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(EvidenceError, match=rf"a.json: is not what the stage `gate` writes \(.*{message}.*run it aga"):
        read_record(tmp_path / "a.json", Box, "the stage `gate`")


def test_rows_are_records(tmp_path: Path) -> None:
    """Texts become numbers and paths; empty lines are none."""
    (tmp_path / "a.csv").write_text('name,file,rank,share\n"a,\n",x,3,.5\n\n')
    assert read_rows(tmp_path / "a.csv", Thing, "train") == [Thing("a,\n", Path("x"), 3, 0.5)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name,file,rank,share\na,x,0,1\n", "line 2: rank: Input should be greater than or equal to 1, found '0'"),
        (b"name,file,rank,share\na,x,1.5,1\n", "line 2: rank: Input should be a valid integer"),
        (b"name,file,rank,share\na,x," + b"9" * 5000 + b",1\n", "line 2: rank: "),
        (b"name,file,rank\na,x,1\n", "line 2: share: Field required"),
        (b"name,file,rank,share\na,x,1\n", "line 2 has 3 cells, expected 4"),
        (b"name,file,rank,share\na,x,1,2,3\n", "line 2 has 5 cells, expected 4"),
        (b"name,name\n", "column 'name' is there twice"),
        (b'name\n"a', "line 2: unexpected end of data"),
        (b'name\n"a"b\n', "line 2: ',' expected after '\"'"),
        (b"name\n" + b"x" * 200_000, "line 2: field larger than field limit"),
        (b"name\n\0\n", "it holds a NUL"),
        (b"\xff\xfe", "can't decode byte"),
        (b"a," * 1_000_000, "column 'a' is there twice"),
    ],
    ids=range(13),
)
def test_a_damaged_table_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    """The message has the line and the stage to run again."""
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(EvidenceError, match=rf"a.csv: is damaged \(.*{message}.*; run the stage `train` again"):
        read_rows(tmp_path / "a.csv", Thing, "train")


def test_a_missing_table_and_a_folder_are_refused(tmp_path: Path) -> None:
    """A folder in the place of a file is told as the system tells it."""
    with pytest.raises(EvidenceError, match="a.csv: not found; run the stage `train` first"):
        read_cells(tmp_path / "a.csv", "train")
    with pytest.raises(EvidenceError, match="cannot be read .Is a directory.; run the stage `train` again"):
        read_cells(tmp_path, "train")


def test_short_rows_are_filled_where_they_may_be() -> None:
    """Columns come with the rows, and each row with its line; `\\r` ends a line too."""
    columns, rows = parse_csv("a,b\r1\r\r2,3\r", may_be_short=True)
    assert columns == ["a", "b"] and rows == [(2, {"a": "1", "b": ""}), (4, {"a": "2", "b": "3"})]
