"""Tests of the table of decisions."""

from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from pipeline.errors import EvidenceError
from pipeline.ledger import aliases
from pipeline.ledger.aliases import Standing
from pipeline.ledger.ledger import Aliases, Kind, Line, append, new_line, replay
from pipeline.registry.connection import opened
from pipeline.steps import history as step
from pipeline.steps.history import REASON_CHARS, build_table
from tests.finished_project import use_registry

pytestmark = pytest.mark.services

NOBODY = Aliases(None, None)


def make(number: int, kind: Kind, version: int, expected: int | None, reasons: tuple[str, ...]) -> Line:
    """A line whose maker knew all lines before it."""
    when = f"2026-11-22T12:0{number}:00+00:00"
    return Line(kind, version, expected, number - 1, NOBODY, reasons, {}, "me@here", when, str(number), number)


def test_table_tells_each_decision_and_what_came_of_it() -> None:
    """Newest last: when, who, what, which version, who is champion after it, and why, in short."""
    lines = (
        make(1, "promote", 1, None, ("first",)),
        make(2, "refuse", 2, 1, ("worse", "by far" * 100)),
        make(3, "promote", 3, 7, ("better",)),
        make(4, "rollback", 2, 1, ("back",)),
    )
    lines = (*lines[:3], replace(lines[3], who="ci[bot] [/red]"))
    console = Console(width=300)
    with console.capture() as capture:
        console.print(build_table(Standing(lines, state=replay(lines, NOBODY), found=NOBODY)))
    rows = [line.split(maxsplit=7) for line in capture.get().splitlines()[2:]]
    assert [(row[0], row[2], row[3]) for row in rows[:3]] == [(str(n), f"12:0{n}", "me@here") for n in range(1, 4)]
    assert rows[0][4:] == ["promoted", "1", "1", "first".ljust(len(rows[0][7]))]
    assert rows[1][4:7] == ["refused", "2", "1"] and rows[1][7].strip().endswith("...")
    assert len(rows[1][7].strip()) == REASON_CHARS and rows[1][7].startswith("worse; by far")
    assert rows[2][4:7] == ["void", "3", "1"] and rows[2][7].strip() == "the champion was 1 by then"
    assert rows[3][3:7] == ["ci[bot]", "[/red]", "rolled", "back"]


def test_history_of_a_registry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty ledger says how the first line is made; a line that is gone and an alias that is wrong are reported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(aliases, "PAUSE_S", 0.01)
    use_registry(tmp_path, monkeypatch)
    step.show(step.history())
    assert "no decision is recorded at sqlite:" in capsys.readouterr().out
    first = append(new_line("refuse", 1, [], NOBODY, ["why"], {}))
    append(new_line("promote", 1, [first], NOBODY, ["why"], {}))
    with opened() as (_, client):
        client.delete_model_version("segline.ledger", "1")
    with pytest.raises(EvidenceError, match="is not as it was written: line 1 is not there: deleted in MLflow"):
        step.show(step.history())
    output = capsys.readouterr().out
    assert "promoted" in output
    assert "the ledger says that the champion is segline/1, the alias is at nobody" in output
