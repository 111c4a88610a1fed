"""Tests of what is new since the last scheduled run; tests/flows/test_scheduled.py has whole runs."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.changes import SETTLE, Changes, Prefix, Source, find_changes, parse_source
from pipeline.errors import ParamsError
from pipeline.repository.checkout import SOURCE, Checkout, Start

START = Start("c" * 40, "a" * 40, "b" * 40, is_last_finished=True)
OLD = Source(("folder", "s3://b/x", "y"), (Prefix("s3://b/x", 2, "12"),))
NOTHING = Changes(START, OLD, is_source_new=False, is_arriving=False, files=())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (NOTHING, "no change since the last run, commit aaaaaaaa"),
        (replace(NOTHING, is_arriving=True), "no change since the last run, commit aaaaaaaa"),
        (replace(NOTHING, is_source_new=True), ""),
        (replace(NOTHING, files=("params.yaml",)), ""),
        (replace(NOTHING, files=("params.yaml",), is_arriving=True), ""),
        (replace(NOTHING, start=replace(START, is_last_finished=False)), ""),
        (
            replace(NOTHING, files=("params.yaml",), is_source_new=True, is_arriving=True),
            "an upload to folder s3://b/x y may be under way; the next run looks again",
        ),
    ],
)
def test_a_run_needs_a_change_and_whole_uploads(changes: Changes, reason: str) -> None:
    """New code does not begin a run on half an upload; objects that the last run read already may be young."""
    assert changes.reason_to_skip == reason


def test_changes_are_named() -> None:
    """Five files, how many more, and the words of the source; a run that did not come to its end is no change."""
    many = replace(NOTHING, files=tuple("abcdefg"))
    assert str(many) == "a, b, c, d, e and 2 more"
    assert str(replace(NOTHING, files=("a",), is_source_new=True)) == "a, the source folder s3://b/x y"
    unfinished = replace(NOTHING, start=replace(START, is_last_finished=False))
    assert str(unfinished) == "nothing, but that run did not come to its end"


@given(st.text() | st.from_type(type(None)) | st.recursive(st.none() | st.text(), st.lists).map(json.dumps))
def test_a_source_that_cannot_be_read_is_another_one(text: str | None) -> None:
    """The import is done again then, whatever somebody wrote into the branch."""
    assert parse_source(text) is None


def test_a_source_survives_its_file(tmp_path: Path) -> None:
    """It is equal to what was written."""
    OLD.write(tmp_path / SOURCE)
    assert parse_source((tmp_path / SOURCE).read_text()) == OLD


@pytest.mark.parametrize("text", ["-1", "nan", "soon", ""])
def test_a_time_to_settle_that_is_none_is_refused(text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The message names the variable."""
    monkeypatch.setenv(SETTLE, text)
    with pytest.raises(ParamsError, match=f"SEGLINE_SETTLE_S is '{text}', expected seconds, 0 or more"):
        find_changes(Checkout(tmp_path), "", "")


def test_words_that_no_shell_can_split_are_refused(tmp_path: Path) -> None:
    """The message says what is missing."""
    with pytest.raises(ParamsError, match="No closing quotation; expected the words after `segline import`"):
        find_changes(Checkout(tmp_path), "folder 's3://b", "")
