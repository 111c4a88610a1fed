"""The suites of checks and their words."""

import pytest

from pipeline.dataset.contract import SPLITS
from pipeline.validation.checks import Check, class_checks, leak_checks, sample_checks, split_checks, version_checks
from pipeline.validation.data_version import CHANGED
from pipeline.validation.facts import class_rows, leak_rows, sample_row, split_rows
from tests.drawn_data import CLASSES
from tests.validation.test_facts import facts

PATH = facts("a").sample.image
assert PATH
TABLES = (
    (sample_checks(0.9, "error", "error"), sample_row(facts("a", ids=(1,)), CLASSES, 0.0)),
    (leak_checks("error"), leak_rows([facts("a")], (), 3)[0]),
    (class_checks(), class_rows([facts("a")], CLASSES, PATH)[0]),
    (split_checks(), split_rows([facts("a")], PATH)[0]),
    (version_checks(), {"path": "data/a", "state": CHANGED, "advice": "restore it", "version": "d41d.dir"}),
)
CHECKS = [pytest.param(check, row, id=check.name) for checks, row in TABLES for check in checks]


@pytest.mark.parametrize(("check", "row"), CHECKS)
def test_every_check_fits_its_table(check: Check, row: dict[str, object]) -> None:
    """Its column is there, it says what is expected, and its words can be filled in from the row."""
    finding = check.finding(row)
    assert check.column in row and check.expected().startswith(f"{check.column} is ")
    assert finding.file and finding.reason and finding.what_to_do and "{" not in str(finding)


def test_names_are_unique() -> None:
    """A check is told by its name."""
    names = [check.name for checks, _ in TABLES for check in checks]
    assert len(set(names)) == len(names)


def test_switched_off_checks_are_left_out() -> None:
    """`off` in the params leaves a check out of the suite; its severity is what the params say."""
    on = {check.name: check.severity for check in (*sample_checks(0.9, "error", "error"), *leak_checks("warning"))}
    off = {check.name for check in (*sample_checks(0.9, "off", "off"), *leak_checks("off"))}
    assert (on["several_classes"], on["no_near_duplicate"]) == ("error", "warning")
    assert on.keys() - off == {"several_classes", "not_binary", "no_near_duplicate"}


def test_expected_in_words() -> None:
    """Values and ranges are told."""
    assert Check("a", "x", "", "", allowed=(1, "two")).expected() == "x is 1 or two"
    assert Check("a", "x", "", "", least=2, most=3.5).expected() == "x is at least 2 and at most 3.5"


def test_findings_of_the_set_have_no_name() -> None:
    """What is about a class or a split names no sample."""
    for checks, row in TABLES[2:]:
        assert {check.finding(row).name for check in checks} == {""}
    assert [check.column for check in class_checks()] == list(SPLITS)
