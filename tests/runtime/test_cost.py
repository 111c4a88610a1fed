"""Tests of the costs of the stages."""

from pathlib import Path

import pytest

from pipeline.errors import EvidenceError, StageError
from pipeline.runtime.cost import COSTS, cost_recorded, read_costs

FIRST, SECOND = "second_by_name", "a_new_one"


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project of two stages, of which cost knows nothing."""
    monkeypatch.chdir(tmp_path)
    Path("dvc.yaml").write_text(f"stages: {{{FIRST}: {{cmd: x}}, {SECOND}: {{cmd: y}}}}")


def finish(stage: str, content: str) -> None:
    """Writes the marker of a stage."""
    (Path("work") / stage).mkdir(parents=True, exist_ok=True)
    (Path("work") / stage / "summary.json").write_text(content)


def test_a_cost_belongs_to_one_output() -> None:
    """It is read back as long as the output is the one that it was recorded for."""
    with cost_recorded(FIRST):
        finish(FIRST, "a")
    (cost,) = read_costs()
    assert cost.stage == FIRST and 0 <= cost.seconds < 60 and 10 < cost.peak_mb < 1e6
    finish(FIRST, "b")
    assert read_costs() == []


def test_costs_come_in_the_order_of_the_stages() -> None:
    """Any stage of dvc.yaml has one; that of a stage which is not there any more is left out."""
    for stage in (SECOND, "gone", FIRST):
        with cost_recorded(stage):
            finish(stage, "{}")
    assert [cost.stage for cost in read_costs()] == [FIRST, SECOND]


def test_a_stage_that_fails_has_no_cost() -> None:
    """A failure leaves no record; without records nobody asks for dvc.yaml."""
    with pytest.raises(ValueError, match="no"), cost_recorded(FIRST):
        finish(FIRST, "a")
        raise ValueError("no")
    Path("dvc.yaml").unlink()
    assert read_costs() == [] and not list(COSTS.iterdir())


def test_a_damaged_record_is_refused() -> None:
    """The message names the file and the stage."""
    with cost_recorded(FIRST):
        finish(FIRST, "a")
    (COSTS / f"{FIRST}.json").write_text("{}")
    with pytest.raises(EvidenceError, match=f"{FIRST}.json: is not what the stage `{FIRST}` writes"):
        read_costs()


def test_a_folder_that_takes_no_record_is_refused_before_the_stage_runs(tmp_path: Path) -> None:
    """The work of an hour is not lost because its cost cannot be written."""
    (tmp_path / "cost").touch()
    with (
        pytest.raises(StageError, match="cost: cannot be written to"),
        cost_recorded(FIRST, folder=tmp_path / "cost"),
    ):
        pytest.fail("the stage ran")
