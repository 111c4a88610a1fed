"""Tests of where the report lies."""

from pathlib import Path

import pytest

from pipeline.disk.files import md5_of
from pipeline.evaluation.verdict import VERDICT
from pipeline.report.place import GATE_PAGE, NEWEST, publish, publish_gate_page


@pytest.fixture(autouse=True)
def _gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    VERDICT.parent.mkdir(parents=True)
    VERDICT.write_text("{}")
    GATE_PAGE.write_text("<p>accepted, caf\u00e9</p>", encoding="utf-8")


def test_the_gates_page_is_the_newest_until_something_is_decided() -> None:
    """A decision on the same model stays, however often the stages are run again; on another verdict it gives way."""
    publish_gate_page()
    assert NEWEST.read_bytes() == GATE_PAGE.read_bytes()
    decided = f"<p>promoted, by verdict {md5_of(VERDICT)}</p>"
    publish(decided)
    publish_gate_page()
    assert NEWEST.read_text() == decided
    VERDICT.write_text("[]")
    publish_gate_page()
    assert NEWEST.read_bytes() == GATE_PAGE.read_bytes()


@pytest.mark.parametrize("missing", [GATE_PAGE, VERDICT])
def test_without_a_gate_nothing_is_published(missing: Path) -> None:
    """A project whose gate has not run keeps the page that it has."""
    missing.unlink()
    publish_gate_page()
    assert not NEWEST.exists()
    publish("<p>older</p>")
    publish_gate_page()
    assert NEWEST.read_text() == "<p>older</p>"


def test_a_page_that_is_no_text_gives_way() -> None:
    """Whatever lies there, the gate's page takes its place."""
    NEWEST.write_bytes(b"\xff\xfe")
    publish_gate_page()
    assert NEWEST.read_bytes() == GATE_PAGE.read_bytes()
