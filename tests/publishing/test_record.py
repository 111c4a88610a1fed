"""Tests of the record inside a publication."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import EvidenceError
from pipeline.publishing.record import GRAPH, Record

TEXTS = st.text(st.characters(codec="utf-8"), max_size=9)
RECORDS = st.builds(
    Record,
    *(TEXTS, st.integers(0, 99), st.integers(0, 99), TEXTS, TEXTS, TEXTS),
    st.dictionaries(TEXTS, TEXTS, max_size=3).map(lambda files: {**files, GRAPH: "0"}),
)


@given(RECORDS)
def test_a_record_is_read_as_it_was_written(record: Record) -> None:
    """Any text is kept; equal records have equal bytes, without blanks and in the order of the names."""
    content = record.to_bytes()
    assert Record.parse(content) == record and Record.parse(content).to_bytes() == content
    assert list(json.loads(content)) == sorted(json.loads(content))


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "Expecting value"),
        (b"\xff", "can't decode"),
        (b"[]", "it"),
        (b"{}", "model: Field required"),
        (Record("m", 1, 2, "c", "d", "e", {"a": "0"}).to_bytes(), "it lacks saved_model.pb"),
        (Record("m", 1, 2, "c", "d", "e", {GRAPH: "0"}).to_bytes().replace(b"1", b'"1"'), "version: .*valid integer"),
        (Record("m", 1, 2, "c", "d", "e", {GRAPH: "0"}).to_bytes().replace(b"1", b"1e999"), "not a finite number"),
    ],
)
def test_what_is_no_record_is_refused(content: bytes, fault: str) -> None:
    """The fault is named."""
    with pytest.raises(EvidenceError, match=f"segline.json: is not (JSON|what `segline publish` writes) .*{fault}"):
        Record.parse(content)
