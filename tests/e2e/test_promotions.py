"""Promotions at once, by the command, against one registry."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from pipeline.ledger.aliases import read_standing
from pipeline.steps.promote import promote
from tests.contest import FREE, ROAD, SKY, number_by_alias, register, write_contest
from tests.finished_project import ROOT
from tests.flows.tiny_flow import started

pytestmark = pytest.mark.e2e
NUM_PROMOTIONS = 8


def test_of_many_promotions_at_once_one_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Better challengers, a process each: one champion, a line for each in the ledger, aliases that agree."""
    write_contest(tmp_path, monkeypatch, **FREE)
    Path("dvc.yaml").write_text("stages: {}\n")
    register(SKY)
    promote()
    for _ in range(NUM_PROMOTIONS):
        register(ROAD)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with ExitStack() as stack:
        numbers = range(2, NUM_PROMOTIONS + 2)
        children = {n: stack.enter_context(started("segline.command", "promote", str(n))) for n in numbers}
        told = {number: child.communicate()[0] for number, child in children.items()}
    failed = [told[number] for number, child in children.items() if child.returncode]
    assert not failed, failed[0][-1000:]
    winners = [number for number, text in told.items() if "\nPROMOTED: " in f"\n{text}"]
    standing = read_standing()
    effects = [effect.what for effect in standing.state.effects[1:]]
    assert len(winners) == 1 and len(effects) == NUM_PROMOTIONS and effects.count("promoted") == 1
    assert standing.complaint is None and standing.state.champion == winners[0]
    assert {"champion": winners[0], "previous": 1}.items() <= number_by_alias().items()
    assert all("NOT PROMOTED: " in text for number, text in told.items() if number not in winners)
