"""Tests of segline/registry.py: each function by its name in the package."""

from pathlib import Path

import numpy as np
import pytest

import segline
from pipeline.errors import EvidenceError, ParamsError, RegistryError
from pipeline.promotion.comparison import Comparison
from tests.contest import ROAD, SKY, register
from tests.finished_project import tiny_model, use_registry, write_project

pytestmark = pytest.mark.services


def test_an_empty_registry(contest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """There are no versions and no decisions, and nothing to promote, roll back or load."""
    assert segline.status() == ((), None) and segline.history().lines == ()
    for function in (segline.promote, segline.rollback, lambda: segline.load("champion")):
        with pytest.raises(RegistryError, match="not found|no champion"):
            function()
    assert capsys.readouterr().out == ""


def test_too_few_seeds_and_too_little_evidence_are_refused(contest: Path) -> None:
    """The errors are those of the steps."""
    with pytest.raises(ParamsError, match="expected 3 or more"):
        segline.noise(runs=2)
    with pytest.raises(EvidenceError, match="verdict.json"):
        segline.register()
    with pytest.raises(ParamsError, match="is not a schedule"):
        segline.schedule(cron="every day")


@pytest.mark.e2e
def test_models_are_compared_promoted_and_rolled_back(contest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each function returns what happened and prints nothing of it; a registered model is loaded by its alias."""
    register(SKY)
    assert segline.promote().promoted
    register(ROAD)
    capsys.readouterr()
    compared = segline.compare("challenger", tiny_model(SKY))
    assert isinstance(compared, Comparison) and compared.difference.estimate == 0.25 and compared.ruling.promoted
    assert capsys.readouterr().out == ""
    decision = segline.promote("2")
    assert decision.promoted and decision.champion and decision.champion.number == 1
    status = segline.status()
    assert [version.aliases for version in status.versions][1] == ("challenger", "champion")
    back = segline.rollback()
    assert (back.champion.number, back.previous) == (1, 2)
    assert [effect.what for effect in segline.history().state.effects] == ["promoted", "promoted", "rolled back"]
    assert "PROMOTED" not in capsys.readouterr().out
    image = np.zeros((5, 7, 3), np.uint8)
    assert (segline.load("champion")(image).mask == SKY).all() and (segline.load("segline/2")(image).mask == ROAD).all()


@pytest.mark.e2e
def test_a_finished_project_is_registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The version is the challenger, the same one each time."""
    (tmp_path / "project").mkdir()
    write_project(tmp_path / "project", monkeypatch)
    use_registry(tmp_path, monkeypatch)
    assert segline.register().number == segline.register().number == 1
    assert segline.status().versions[0].aliases == ("challenger",)
