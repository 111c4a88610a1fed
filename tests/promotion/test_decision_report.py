"""Tests of the report with a decision in it."""

from dataclasses import asdict, replace
from pathlib import Path

import pytest

from pipeline.disk.files import md5_of
from pipeline.evaluation.bootstrap import Interval
from pipeline.evaluation.verdict import VERDICT
from pipeline.promotion.decide import Promotion
from pipeline.promotion.decision_report import decision_of, report_decision
from pipeline.promotion.findings import give_reason
from pipeline.registry.client import find_version, set_tags
from pipeline.registry.connection import opened
from pipeline.report.place import GATE_PAGE, NEWEST, publish_gate_page
from pipeline.steps.promote import promote
from pipeline.steps.rollback import rollback
from tests.contest import FREE, ROAD, SKY, register, write_contest

pytestmark = pytest.mark.services


@pytest.fixture(autouse=True)
def _contest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_contest(tmp_path, monkeypatch, **FREE)
    register(SKY)
    register(ROAD)


def test_report_tells_the_decision_and_is_stored_with_the_run() -> None:
    """One page here and the same in MLflow: the decision first, the difference and the reasons in it."""
    difference = asdict(Interval(0.25, 0.2, 0.3, 6))
    against = {"comparisons": {"1": {**difference, "by_class": {"sky": difference}}}}
    set_tags(find_version("2"), {"git_commit": "c0ffee"})
    versions = find_version("2"), find_version("1")
    promotion = Promotion(True, (give_reason("test_split_changed"),), *versions, against, line=3)
    report_decision(3, versions[0], decision_of(promotion))
    text = NEWEST.read_text()
    assert "c0ffee" in text and "the test split changed since the champion was chosen" in text
    assert "segline/2 became the champion, line 3 of the ledger" in text
    with opened() as (mlflow, _):
        assert mlflow.artifacts.load_text(f"runs:/{versions[0].run_id}/report/decision-3.html") == text


def test_first_champion_has_nobody_to_differ_from() -> None:
    """Without a champion before, and without evidence, the page tells the decision all the same."""
    promotion = Promotion(False, (give_reason("no_champion"),), find_version("2"), None, {}, line=1)
    report_decision(1, find_version("2"), decision_of(promotion))
    assert "segline/2 was not promoted" in NEWEST.read_text()


@pytest.mark.e2e
def test_a_later_decision_writes_over_none() -> None:
    """Each compared decision has a page by the number of its line; one without a comparison has none."""
    promote("1")
    promote("2")
    promote("2")
    with opened() as (_, client):
        stored = [file.path for number in "12" for file in client.list_artifacts(find_version(number).run_id, "report")]
    assert stored == ["report/decision-1.html", "report/decision-2.html"]
    assert "segline/2 became the champion" in NEWEST.read_text()
    rollback()
    assert "segline/1 became the champion by a rollback" in NEWEST.read_text()


def test_the_stages_page_stays_as_it_is() -> None:
    """DVC's output keeps its bytes; the one place tells the decision, also after the stages are looked at again."""
    with opened() as (mlflow, _):
        text = mlflow.artifacts.load_text(f"runs:/{find_version('1').run_id}/gate/{VERDICT.name}")
    VERDICT.parent.mkdir(parents=True, exist_ok=True)
    VERDICT.write_text(text)
    GATE_PAGE.write_text("<p>accepted</p>")
    publish_gate_page()
    before = md5_of(GATE_PAGE.parent)
    promote("1")
    publish_gate_page()
    assert md5_of(GATE_PAGE.parent) == before and "segline/1 became the champion" in NEWEST.read_text()


def test_a_report_that_cannot_be_stored_is_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    """The decision stands: the ledger has it."""
    version = replace(find_version("1"), run_id="gone")
    report_decision(1, version, decision_of(Promotion(True, (), version, None, {}, line=1)))
    out, err = capsys.readouterr()
    assert out == "" and "warning: the decision stands, its report could not be stored: " in err
    assert not NEWEST.exists()
