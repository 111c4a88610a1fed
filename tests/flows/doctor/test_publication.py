"""Tests of flows/doctor/publication.py: a champion that is published to a folder or a bucket."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.doctor.publication import look_at_publication
from pipeline.ledger.aliases import read_standing, record
from pipeline.ledger.ledger import new_line
from pipeline.publishing.champion import publish_champion
from tests.contest import ROAD, SKY, register, write_contest

pytestmark = pytest.mark.services


def promote(number: int) -> None:
    """Makes a version champion."""
    standing = read_standing()
    record(new_line("promote", number, standing.lines, standing.found, ["why"], {}))


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the publications; version 1 is champion and published."""
    write_contest(tmp_path, monkeypatch)
    monkeypatch.setenv("SEGLINE_PUBLISH", str(tmp_path / "served"))
    register(SKY)
    promote(1)
    publish_champion()
    return tmp_path / "served/segline"


def look() -> tuple[str, str]:
    """State and advice of the only finding."""
    (finding,) = look_at_publication()
    return finding.state, finding.todo


def test_the_champion_is_published(served: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is to do; without a destination nothing is looked at."""
    assert look() == (f"{served}/1 is the champion segline/1", "")
    monkeypatch.delenv("SEGLINE_PUBLISH")
    assert list(look_at_publication()) == []


def test_a_bucket(s3: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a destination in S3 nothing is downloaded but the record."""
    s3.create_bucket(Bucket="models")  # type: ignore[attr-defined]
    write_contest(tmp_path, monkeypatch)
    monkeypatch.setenv("SEGLINE_PUBLISH", "s3://models/a")
    assert look() == ("s3://models/a/segline is empty: there is no champion yet", "")
    register(SKY)
    promote(1)
    assert look() == ("s3://models/a/segline serves nothing, the champion segline/1 is 1", "`segline publish`")
    publish_champion()
    assert look() == ("s3://models/a/segline/1 is the champion segline/1", "")


def test_the_champion_has_changed_since(served: Path) -> None:
    """Publishing again is the advice."""
    register(ROAD)
    promote(2)
    assert look() == (f"{served} serves number 1, the champion segline/2 is 2", "`segline publish`")
    publish_champion()
    assert look()[1] == ""


DAMAGES: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "file": (lambda at: (at / "1/saved_model.pb").unlink(), "/1 lacks saved_model.pb", "`segline publish`"),
    "record": (
        lambda at: (at / "1/assets.extra/segline.json").write_text("{}"),
        "/1 has no record of segline",
        "move it away, then `segline publish`",
    ),
    "larger number": (
        lambda at: shutil.copytree(at / "1", at / "7"),
        "/7 is served, but the ledger has no such line",
        "move it away, then `segline publish`",
    ),
    "other version": (
        lambda at: (at / "1/assets.extra/segline.json").write_text(
            (at / "1/assets.extra/segline.json").read_text().replace('"version":1', '"version":5')
        ),
        "/1 is segline/5, the champion is segline/1",
        "move it away, then `segline publish`: it is of another ledger",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_served_is_not_the_champion(served: Path, damage: str) -> None:
    """The finding names the publication and what to do."""
    change, state, todo = DAMAGES[damage]
    change(served)
    assert look() == (f"{served}{state}", todo)
