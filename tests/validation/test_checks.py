"""The checks, their words, and the rows that fail them."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dataset.contract import SPLITS
from pipeline.validation.checks import (
    CLASS_CHECKS,
    SPLIT_CHECKS,
    VERSION_CHECKS,
    Check,
    Table,
    leak_checks,
    sample_checks,
)
from pipeline.validation.data_version import CHANGED
from pipeline.validation.facts import class_rows, leak_rows, sample_row, split_rows
from tests.drawn_data import CLASSES
from tests.validation.test_facts import facts

PATH = facts("a").sample.image
assert PATH
TABLES = (
    (sample_checks(0.9, "error", "error"), sample_row(facts("a", ids=(1,)), CLASSES, 0.0)),
    (leak_checks("error"), leak_rows([facts("a")], (), 3)[0]),
    (CLASS_CHECKS, class_rows([facts("a")], CLASSES, PATH)[0]),
    (SPLIT_CHECKS, split_rows([facts("a")], PATH)[0]),
    (VERSION_CHECKS, {"path": "data/a", "state": CHANGED, "advice": "restore it", "version": "d41d.dir"}),
)
CHECKS = [pytest.param(check, row, id=check.name) for checks, row in TABLES for check in checks]
ON = Check("on", "on", "on is {on}", "switch it on", allowed=(True,))
SHARE = Check("share", "share", "share is {share}", "lower it", most=0.5, severity="warning")
COUNT = Check("count", "count", "count is {count}", "raise it", least=2)


def row(name: str, on: bool | None = True, share: float | None = 0.1, count: int | None = 3) -> dict[str, Any]:
    """A row that passes."""
    return {"name": name, "on": on, "share": share, "count": count, "file": "data/images/a.png"}


def table(*rows: dict[str, Any], name: str = "samples") -> Table:
    """A table with a check of each kind."""
    return Table(name, "name", rows, (ON, SHARE, COUNT))


@pytest.mark.parametrize(("check", "row"), CHECKS)
def test_every_check_fits_its_table(check: Check, row: dict[str, object]) -> None:
    """Its column is there, it says what is expected, and its words can be filled in from the row."""
    finding = check.finding(row)
    assert check.column in row and check.expected().startswith(f"{check.column} is ")
    assert finding.file and finding.reason and finding.what_to_do and "{" not in str(finding)


def test_names_are_unique() -> None:
    """Findings are counted by the name of their check."""
    names = [check.name for checks, _ in TABLES for check in checks]
    assert len(set(names)) == len(names)


def test_switched_off_checks_are_left_out() -> None:
    """`off` in the params leaves a check out of the suite; its severity is what the params say."""
    on = {check.name: check.severity for check in (*sample_checks(0.9, "error", "error"), *leak_checks("warning"))}
    off = {check.name for check in (*sample_checks(0.9, "off", "off"), *leak_checks("off"))}
    assert (on["several_classes"], on["no_near_duplicate"]) == ("error", "warning")
    assert on.keys() - off == {"several_classes", "not_binary", "no_near_duplicate"}


def test_expected_in_words() -> None:
    """Allowed values, and both ends of a range."""
    assert Check("a", "x", "", "", allowed=(1, "two")).expected() == "x is 1 or two"
    assert Check("a", "x", "", "", least=2, most=3.5).expected() == "x is at least 2 and at most 3.5"


def test_findings_of_the_set_have_no_name() -> None:
    """A finding about a class or a split names no sample."""
    for checks, row in TABLES[2:]:
        assert {check.finding(row).name for check in checks} == {""}
    assert [check.column for check in CLASS_CHECKS] == list(SPLITS)


def test_failing_rows_give_findings() -> None:
    """A finding for each check and row, in this order, with the check's words and severity."""
    rows = [row("b", on=False), row("a", share=0.75), row("c"), row("d", on=False, count=1)]
    assert [(one.name, one.check, one.severity, one.reason) for one in table(*rows).findings()] == [
        ("b", "on", "error", "on is False"),
        ("d", "on", "error", "on is False"),
        ("a", "share", "warning", "share is 0.75"),
        ("d", "count", "error", "count is 1"),
    ]


def test_unknown_values_are_not_judged() -> None:
    """None passes every check; a table without rows has no finding."""
    assert table(row("a", None, None, None), row("b")).findings() == table().findings() == []


def test_nan_fails_a_range() -> None:
    """A number that could not be computed is not within limits."""
    assert [one.check for one in table(row("a", share=math.nan)).findings()] == ["share"]


@given(value=st.floats(allow_nan=False), least=st.floats(-1, 1), width=st.floats(0, 1))
def test_range_includes_its_ends(value: float, least: float, width: float) -> None:
    """Both limits pass; an open side lets every number pass."""
    check = Check("a", "x", "", "", least=least, most=least + width)
    assert check.passes(value) is not (value < least or value > least + width)
    assert check.passes(least) and check.passes(least + width)
    assert Check("a", "x", "", "", least=value).passes(math.inf)


def test_missing_column_is_our_mistake() -> None:
    """A check of a column that no row has does not pass in silence."""
    with pytest.raises(KeyError, match="on"):
        table({"name": "a", "file": "a.png"}).findings()
