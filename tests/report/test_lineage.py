"""Tests of what the report tells of a model's origin and cost."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.report.evidence import Dossier, read_dossier
from pipeline.report.lineage import cost, curves, lineage
from pipeline.runtime.cost import Cost
from tests.evaluated_work import PROMOTED, write_evaluated


@pytest.fixture
def dossier(tmp_path: Path) -> Dossier:
    """Of all that the stages left."""
    write_evaluated(tmp_path / "work")
    costs = [Cost("train", 10.0, 1500.0, "x"), Cost("export", 70.0, 900.0, "x"), Cost("evaluate", 4.0, 800.0, "x")]
    return read_dossier(tmp_path / "work", None, costs)


def test_curves_mark_the_best_epoch(dossier: Dossier) -> None:
    """A curve whose columns are missing is left out; a model trained elsewhere has none at all."""
    html = curves(dossier)
    assert "those of epoch 1" in html and "Learning rate" not in html
    assert curves(replace(dossier, history=[])) == ""
    late = curves(replace(dossier, history=[{"epoch": 1, "loss": 1}, {"epoch": 2, "loss": 0.5, "val_loss": 0.7}]))
    assert "epoch 2: 0.7" in late


def test_lineage_names_data_and_model(dossier: Dossier) -> None:
    """Splits, MD5s and what the stages noted; what is unknown is left out."""
    html = lineage(dossier)
    assert all(word in html for word in ("1 images, 1 group", "0123abcd", "1,234,567", "disagreeing share"))
    assert "16 x 32 px (height x width)" in html and "close_px 3" in html
    bare = replace(dossier, rows=[], classes=None, scores=None, records={}, card=None)
    assert lineage(bare) == ""


def test_lineage_of_a_version_names_commit_data_and_params(dossier: Dossier) -> None:
    """What is in its tags; before it is registered nothing is."""
    html = lineage(replace(dossier, decision=PROMOTED))
    assert all(word in html for word in ("git commit", "c0ffee", "data, MD5", "4da7a.dir")) and "dvc.lock" not in html
    assert "c0ffee" not in lineage(dossier)


def test_cost_has_time_speed_and_memory(dossier: Dossier) -> None:
    """Two epochs of ten images in ten seconds are two a second; export goes through no images."""
    html = cost(dossier)
    assert "<td>train</td><td>10 s</td><td>2.0</td><td>1,500 MB</td>" in html
    assert "<td>export</td><td>1 min 10 s</td><td>&ndash;</td>" in html
    assert "<td>evaluate</td><td>4 s</td><td>0.5</td>" in html
    assert cost(replace(dossier, costs=[])) == ""
