"""Tests of records read from JSON and CSV."""

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.disk.records import (
    Count,
    Measure,
    Place,
    nan_as_null,
    parse_csv,
    read_cells,
    read_record,
    read_rows,
    write_record,
    write_rows,
)
from pipeline.errors import EvidenceError

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"))


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


@dataclass(frozen=True)
class Measured:
    """A record of numbers that may be nan."""

    score: Measure
    by_class: dict[str, Measure]


THING = '{"name": "a", "file": "x/y", "rank": 3, "share": 1}'


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Lists become tuples, texts paths, whole numbers floats; unknown fields do no harm."""
    (tmp_path / "a.json").write_text(f'{{"things": [{THING}], "counts": {{"a": 0}}, "more": 1}}')
    record = read_record(tmp_path / "a.json", Box, "the stage `gate`")
    assert record == Box((Thing("a", Path("x/y"), 3, 1.0),), {"a": 0})


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
        (json.dumps({"things": [], "counts": {"\ufeff" * 500: -1}}), r"(?=.{0,300}$)counts\.(\\ufeff){8}.{0,9}: Input"),
    ],
)
def test_another_record_is_refused(tmp_path: Path, content: str, message: str) -> None:
    """The message has the file, the field and who writes it."""
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(EvidenceError, match=rf"a.json: is not what the stage `gate` writes \(.*{message}.*run it aga"):
        read_record(tmp_path / "a.json", Box, "the stage `gate`")


@given(
    st.builds(Measured, st.floats(allow_infinity=False), st.dictionaries(st.text(), st.floats(allow_infinity=False)))
)
def test_nan_is_null_in_the_file(record: Measured) -> None:
    """A record with nan comes back as it was written, and no NaN is in the file, which other programs may read."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.json"
        write_record(path, record)
        json.loads(path.read_text(), parse_constant=pytest.fail)
        assert repr(read_record(path, Measured, "the stage `gate`")) == repr(replace(record, **sorted_classes(record)))


def sorted_classes(record: Measured) -> dict[str, Any]:
    """The field that is written with sorted keys."""
    return {"by_class": dict(sorted(record.by_class.items()))}


def test_nan_in_any_depth_is_null() -> None:
    """Lists, tuples and mappings are searched; all other values stay."""
    assert nan_as_null({"a": (math.nan, 1, [None, math.inf]), "b": "nan"}) == {
        "a": [None, 1, [None, math.inf]],
        "b": "nan",
    }


@given(st.lists(st.builds(Thing, TEXTS, TEXTS.map(Path), st.integers(1, 2**62), st.floats(allow_nan=False))))
def test_rows_come_back_as_they_were_written(things: list[Thing]) -> None:
    """Commas, quotes and line breaks in a cell do no harm; without records the header is written."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        write_rows(path, Thing, things)
        assert path.read_text().partition("\n")[0] == "name,file,rank,share"
        assert read_rows(path, Thing, "evaluate") == things


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
    """A folder in the place of a file is reported in the system's words."""
    with pytest.raises(EvidenceError, match="a.csv: not found; run the stage `train` first"):
        read_cells(tmp_path / "a.csv", "train")
    with pytest.raises(EvidenceError, match="cannot be read .Is a directory.; run the stage `train` again"):
        read_cells(tmp_path, "train")


def test_short_rows_are_filled_where_they_may_be() -> None:
    """Columns come with the rows, and each row with its line; `\\r` ends a line too."""
    columns, rows = parse_csv("a,b\r1\r\r2,3\r", may_be_short=True)
    assert columns == ["a", "b"] and rows == [(2, {"a": "1", "b": ""}), (4, {"a": "2", "b": "3"})]
