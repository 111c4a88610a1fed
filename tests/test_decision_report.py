"""Tests of the report that `promote` stores with its decision."""

from pathlib import Path

import pytest

from pipeline.bootstrap import Interval
from pipeline.decision_report import DECISION_REPORT, STORED_AS, write_decision_report
from pipeline.registry import find_version, opened
from tests.contest import ROAD, SKY, register, write_contest


@pytest.fixture(autouse=True)
def _contest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_contest(tmp_path, monkeypatch)
    register(SKY)
    register(ROAD)


def test_report_tells_the_decision_and_is_stored_with_the_run() -> None:
    """One page here and the same in MLflow: the decision first, the difference and the reasons in it."""
    difference = Interval(0.25, 0.2, 0.3, 6).to_dict()
    against = {"comparisons": {"1": {**difference, "by_class": {"sky": difference}}}}
    versions = find_version("2"), find_version("1")
    page = write_decision_report(*versions, True, ("it is better by more than chance",), against)
    text = page.read_text()
    assert page == DECISION_REPORT and "segline/2 is the champion" in text and "by more than chance" in text
    with opened() as (mlflow, _):
        assert mlflow.artifacts.load_text(f"runs:/{versions[0].run_id}/{STORED_AS}") == text


def test_first_champion_has_nobody_to_differ_from() -> None:
    """Without a champion before, and without evidence, the page tells the decision all the same."""
    page = write_decision_report(find_version("2"), None, False, ("refused",), {})
    assert "segline/2 was not promoted" in page.read_text()
