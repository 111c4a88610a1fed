"""Tests of reading annotation files of others."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.errors import DataError
from pipeline.importers.annotations.reading import parse, read_json, read_xml

PATH = Path("a")


@dataclass
class _Row:
    number: int
    name: str = "x"


@pytest.mark.parametrize("content", [b"", b"{", b'{"a": NaN}', b'{"a": 1, "a": 2}', b"\xff", b"[" * 100_000])
def test_what_is_not_json_is_refused(content: bytes) -> None:
    """Also nan, names twice in an object, and nesting without end."""
    PATH.write_bytes(content)
    with pytest.raises(DataError, match="^a: is not JSON in UTF-8 "):
        read_json(PATH)


def test_content_becomes_dataclasses() -> None:
    """Names that they lack are left out; the first error is named with its place and the number of errors."""
    assert parse([{"number": 3, "more": 1}], list[_Row], PATH, "rows") == [_Row(3)]
    with pytest.raises(DataError, match=r"^a: 0.number is .*: Field required \(and 1 more\); expected rows$"):
        parse([{"name": "\x1b"}, {}], list[_Row], PATH, "rows")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<a>",
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        b"<a>\xff</a>",
        b"<?xml version='1.0' encoding='x'?><a/>",
    ],
)
def test_what_is_not_xml_or_has_entities_is_refused(content: bytes) -> None:
    """Entities may be bombs."""
    PATH.write_bytes(content)
    with pytest.raises(DataError, match="^a: is not XML without entities "):
        read_xml(PATH)


def test_a_folder_is_no_file() -> None:
    """The files in it are named."""
    Path("folder").mkdir()
    Path("folder/x.json").touch()
    with pytest.raises(DataError, match="folder: is a folder, expected the file of annotations; there are x.json"):
        read_json(Path("folder"))
