"""Tests of the command `segline publish`."""

from pathlib import Path

import pytest

from pipeline.publishing.publication import Published
from pipeline.steps.publish import publish, show
from tests.contest import ROAD, register, write_contest
from tests.publishing.test_champion import move


@pytest.mark.services
def test_the_champion_is_published_and_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """To the destination of the environment if none is named."""
    write_contest(tmp_path, monkeypatch)
    register(ROAD)
    move("promote", 1)
    monkeypatch.setenv("SEGLINE_PUBLISH", "served")
    show(publish())
    assert capsys.readouterr().out.endswith("segline/1 published: served/segline/1\n")


def test_what_was_removed_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """By its numbers."""
    show(Published("s3://b/segline/9", "segline/4", 9, "repaired", (1, 3)))
    assert capsys.readouterr().out == "segline/4 repaired: s3://b/segline/9; removed 1, 3\n"
