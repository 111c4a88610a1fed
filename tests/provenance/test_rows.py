"""Tests of pipeline/provenance/rows.py."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.provenance.rows import Row, compare, compare_tables, some

TABLES = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 3))


@pytest.mark.parametrize(
    ("registered", "found", "state"),
    [("a", "a", "agree"), ("a", "b", "differs"), ("a", None, "missing"), (None, "a", "missing")],
)
def test_two_values(registered: str | None, found: str | None, state: str) -> None:
    """Equal values agree and need no repair; a value that nobody knows is missing."""
    row = compare("x", registered, found, "do that")
    assert (row.state, row.todo) == (state, "" if state == "agree" else "do that")


@given(TABLES, TABLES)
def test_tables(registered: dict[str, Any], found: dict[str, Any]) -> None:
    """Tables agree exactly if each registered entry is found with its value; more entries are no difference."""
    row = compare_tables("x", "tags", registered, found, "do that")
    assert (row.state == "agree") == (registered.items() <= found.items())
    assert (row.state == "missing") == (row.state != "agree" and all(
        found[name] == registered[name] for name in registered.keys() & found.keys()
    ))  # fmt: skip


def test_a_difference_is_named() -> None:
    """The row names what differs, both values, and what is missing."""
    row = compare_tables("x", "tags", {"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 5}, "do that")
    assert row == Row("x", "3 tags", "b is 5, expected 2; c is missing", "differs", "do that")


def test_many_phrases() -> None:
    """Three are named, the rest is counted."""
    assert some(list("abcde")) == "a; b; c; and 2 more"
