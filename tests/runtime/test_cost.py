"""Tests of the costs of the stages."""

from pathlib import Path

import pytest

from pipeline.errors import StageError
from pipeline.runtime.cost import cost_recorded, read_costs


def finish(work: Path, content: str) -> None:
    """Writes what stands for the output of `train`."""
    (work / "train").mkdir(parents=True, exist_ok=True)
    (work / "train/history.csv").write_text(content)


def test_a_cost_is_of_one_output_only(tmp_path: Path) -> None:
    """It is read back as long as the output is the one that was paid for."""
    work, folder = tmp_path / "work", tmp_path / "cost"
    with cost_recorded("train", work, folder):
        finish(work, "a")
    (cost,) = read_costs(work, folder)
    assert cost.stage == "train" and 0 <= cost.seconds < 60 and 10 < cost.peak_mb < 1e6
    finish(work, "b")
    assert read_costs(work, folder) == []


def test_a_stage_that_fails_or_leaves_nothing_has_no_cost(tmp_path: Path) -> None:
    """Neither a failure nor a stage without a marker leaves a record."""
    with pytest.raises(ValueError, match="no"), cost_recorded("train", tmp_path, tmp_path / "cost"):
        finish(tmp_path, "a")
        raise ValueError("no")
    for stage in ("evaluate", "gate"):
        with cost_recorded(stage, tmp_path, tmp_path / "cost"):
            pass
    assert read_costs(tmp_path, tmp_path / "cost") == [] and not list((tmp_path / "cost").iterdir())


def test_a_folder_that_takes_no_record_is_told_before_the_stage_runs(tmp_path: Path) -> None:
    """The work of an hour is not lost for want of a place to write what it cost."""
    (tmp_path / "cost").touch()
    with (
        pytest.raises(StageError, match="cost: cannot be written to"),
        cost_recorded("train", tmp_path, tmp_path / "cost"),
    ):
        pytest.fail("the stage ran")
