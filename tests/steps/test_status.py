"""Tests of the table of versions."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from pipeline.errors import EvidenceError
from pipeline.ledger.ledger import Aliases, append, new_line
from pipeline.registry.client import Version, find_version, set_alias
from pipeline.registry.connection import opened
from pipeline.registry.runs import create_run, create_version
from pipeline.steps import history
from pipeline.steps import status as step
from pipeline.steps.promote import promote
from pipeline.steps.status import build_table, format_age, list_claims
from tests.contest import ROAD, SKY, register, write_contest
from tests.finished_project import tiny_model, use_registry
from tests.hostile_registry import versions

pytestmark = pytest.mark.services

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TAGS = {"verdict": "accepted", "mean_iou": "0.812357", "data_md5": "0123456789abc.dir", "git_commit": "fedcba9876543"}


def test_table_shows_what_is_known() -> None:
    """A row has version, aliases, verdict, scores, short lineage and age; what is not known is a dash."""
    old = Version("segline", 1, "run", (), {}, NOW - timedelta(days=400))
    new = Version("segline", 2, "run", ("challenger", "champion"), TAGS, NOW - timedelta(hours=5))
    console = Console(width=80)
    with console.capture() as capture:
        console.print(build_table([old, new], NOW))
    rows = [line.split() for line in capture.get().splitlines() if line.strip()]
    assert rows[-3:] == [
        ["2", "challenger", "accepted", "0.8124", "-", "01234567", "fedcba98", "5", "h"],
        ["champion"],
        ["1", "-", "-", "-", "-", "-", "-", "400", "d"],
    ]


@pytest.mark.parametrize(
    ("age_s", "text"), [(-5, "0 s"), (59, "59 s"), (60, "1 min"), (7_199, "1 h"), (86_400, "1 d"), (864_001, "10 d")]
)
def test_age_is_reported_in_its_largest_unit(age_s: int, text: str) -> None:
    """Ages are short; one in the future, by a clock that is off, is none."""
    assert format_age(timedelta(seconds=age_s)) == text


def test_status_of_a_registry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty registry says how the first version is made; a version and its alias are shown."""
    monkeypatch.chdir(tmp_path)
    use_registry(tmp_path, monkeypatch)
    step.show(step.status())
    assert "no version of segline is registered at sqlite:" in capsys.readouterr().out
    set_alias("champion", create_version(create_run(), tiny_model(0), "", {}))
    step.show(step.status())
    assert "champion" in capsys.readouterr().out


def test_claims_are_those_of_the_last_comparison() -> None:
    """Attempts and detectable differences are worded again; what another program wrote is passed over."""
    values = {"detectable": 0.03, "more_for_1": 100, "more_for_2": 20, "unit": "group"}
    known = [{"code": "no_anchor", "values": {}}, {"code": "detectable", "values": values}]
    told = [known, [{"code": "no_champion", "values": {}}], [{"code": "detectable", "values": {}}], 5, [{"code": 3}]]
    empty = Aliases(None, None)
    lines = [
        replace(new_line("refuse", 1, (), empty, (), {"reasons": reasons}), number=number)
        for number, reasons in enumerate(told, 1)
    ]
    (sentence,) = list_claims(lines)
    assert sentence.startswith("line 1: this test split shows a difference of mean IoU of 3.00 points with")
    assert list_claims(lines[1:]) == ()


@pytest.mark.e2e
def test_alias_that_was_moved_by_hand_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table is shown, and under it what ledger and alias disagree on."""
    write_contest(tmp_path, monkeypatch)
    for favourite in (SKY, ROAD):
        register(favourite)
    promote()
    set_alias("champion", find_version("1"))
    step.show(step.status())
    assert "the ledger says that the champion is segline/2, the alias is at segline/1" in capsys.readouterr().out


@pytest.mark.e2e
@given(st.lists(versions(), min_size=1, max_size=3))
def test_any_tags_are_shown_as_text(rows: list[Version]) -> None:
    """Whatever stands in tags and aliases, each version has its row, and no markup or control character is printed."""
    console = Console(width=200, force_terminal=True, color_system=None)
    with console.capture() as capture:
        console.print(build_table(rows, NOW))
    text = re.sub(r"\x1b\[[0-9;]*m", "", capture.get())
    assert all(str(version.number) in text for version in rows)
    assert all(line.isprintable() for line in text.split("\n"))


def test_markup_in_the_registry_is_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rich markup and ESC sequences in tags and ledger lines reach no terminal; the other versions are shown."""
    write_contest(tmp_path, monkeypatch)
    evil = "[/x][bold]\x1b[2J[link=http://h]"
    for tags in ({}, {"mean_iou": evil, "git_commit": "\x1b[2J", "data_md5": "nan"}):
        register(SKY, **tags)
    append(new_line("refuse", 1, [], Aliases(None, None), [evil], {}))
    with opened() as (_, client):
        client.set_model_version_tag("segline.ledger", "1", "line.0", f"{evil}")
    with pytest.raises(EvidenceError, match="line 1 cannot be read"):
        step.show(step.status())
    with pytest.raises(EvidenceError, match="line 1 cannot be read"):
        history.show(history.history())
    output = capsys.readouterr().out
    assert "\x1b" not in output and "\\x1b[2J" in output
    assert all(f"\n {number} " in output for number in (1, 2))
