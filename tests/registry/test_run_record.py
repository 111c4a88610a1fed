"""Tests of what a run's record is made of."""

import math
from pathlib import Path

import pytest

from pipeline.errors import EvidenceError
from pipeline.evaluation.metrics.metric import MetricResult
from pipeline.registry.run_record import flatten_params, flatten_scores, read_history, read_training
from tests.made_scores import made_scores


def test_params_are_flat_text() -> None:
    """Nested params become dotted names; lists and numbers are as in JSON, an empty table stays."""
    content = {
        "train": {"network": {"width": 16}, "precision": "float32"},
        "gate": {"min_class_iou": {}},
        "size": [8, 9],
    }
    assert flatten_params(content) == {
        "train.network.width": "16",
        "train.precision": "float32",
        "gate.min_class_iou": "{}",
        "size": "[8, 9]",
    }


def test_scores_are_flat_and_finite() -> None:
    """Scores become metrics by name, also those that segline does not know; a class without a score has none."""
    other = MetricResult(0.25, {"a": 0.25, "b/c": 0.5})
    flat = flatten_scores(made_scores(0.5, {"a": 0.5, "b/c": math.nan}, metrics={"new_metric": other}))
    assert flat["mean_iou"] == 0.5 and flat["baseline/mean_iou"] == 0.3 and flat["iou/a"] == 0.5
    assert flat["new_metric"] == flat["new_metric/a"] == 0.25 and flat["new_metric/b_c"] == 0.5
    assert "mean_iou_low" not in flat and "iou/b_c" not in flat


def test_history_is_read_by_epoch(tmp_path: Path) -> None:
    """Each epoch is a row of numbers; an empty field is left out."""
    (tmp_path / "history.csv").write_text("epoch,loss,val_loss\n1,0.5,\n2,0.25,0.3\n")
    assert read_history(tmp_path / "history.csv") == (
        {"epoch": 1, "loss": 0.5},
        {"epoch": 2, "loss": 0.25, "val_loss": 0.3},
    )


def test_history_that_is_missing_or_no_numbers(tmp_path: Path) -> None:
    """A missing history and one with words in it are named."""
    with pytest.raises(EvidenceError, match="not found; run the stage `train` first"):
        read_history(tmp_path / "history.csv")
    (tmp_path / "history.csv").write_text("epoch\none\n")
    with pytest.raises(EvidenceError, match="expected numbers only"):
        read_history(tmp_path / "history.csv")


@pytest.mark.parametrize("content", ["{}", "[]", '{"precision": "float32", "machines": [7]}'])
def test_a_summary_without_machines_names_the_stage(tmp_path: Path, content: str) -> None:
    """What another version of the program wrote is refused."""
    (tmp_path / "summary.json").write_text(content)
    with pytest.raises(EvidenceError, match="summary.json: is not what the stage `train` writes .*run it again"):
        read_training(tmp_path / "summary.json")
