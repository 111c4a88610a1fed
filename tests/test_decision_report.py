"""Tests of the report that `promote` stores with its decision."""

from pathlib import Path

import pytest

from pipeline.bootstrap import Interval
from pipeline.decision_report import DECISION_REPORT, write_decision_report
from pipeline.registry import find_version, opened, set_tags
from pipeline.steps.promote import promote
from tests.contest import FREE, ROAD, SKY, register, write_contest


@pytest.fixture(autouse=True)
def _contest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_contest(tmp_path, monkeypatch, **FREE)
    register(SKY)
    register(ROAD)


def test_report_tells_the_decision_and_is_stored_with_the_run() -> None:
    """One page here and the same in MLflow: the decision first, the difference and the reasons in it."""
    difference = Interval(0.25, 0.2, 0.3, 6).to_dict()
    against = {"comparisons": {"1": {**difference, "by_class": {"sky": difference}}}}
    set_tags(find_version("2"), {"git_commit": "c0ffee"})
    versions = find_version("2"), find_version("1")
    page = write_decision_report(3, *versions, True, ("it is better by more than chance",), against)
    text = page.read_text()
    assert (
        page == DECISION_REPORT
        and "c0ffee" in text
        and "segline/2 is the champion" in text
        and "by more than chance" in text
    )
    with opened() as (mlflow, _):
        assert mlflow.artifacts.load_text(f"runs:/{versions[0].run_id}/report/decision-3.html") == text


def test_first_champion_has_nobody_to_differ_from() -> None:
    """Without a champion before, and without evidence, the page tells the decision all the same."""
    page = write_decision_report(1, find_version("2"), None, False, ("refused",), {})
    assert "segline/2 was not promoted" in page.read_text()


def test_a_later_decision_writes_over_none() -> None:
    """Each compared decision has a page by the number of its line; one without a comparison has none."""
    promote("1")
    promote("2")
    promote("2")
    with opened() as (_, client):
        stored = [file.path for number in "12" for file in client.list_artifacts(find_version(number).run_id, "report")]
    assert stored == ["report/decision-1.html", "report/decision-2.html"]
    assert "segline/2" in DECISION_REPORT.read_text()
