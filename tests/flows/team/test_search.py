"""Tests of flows/team/search.py; tests/e2e/test_search.py searches with two workers."""

import shutil
from pathlib import Path

import pytest

import segline
from flows.team.search import hand_over, search
from pipeline.errors import ParamsError
from pipeline.trials.study import STORAGE
from tests.layout import ROOT


@pytest.fixture
def ranges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of ranges in a folder with params.yaml, which is the current directory; no server is named."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PREFECT_API_URL", "")
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    file = tmp_path / "ranges.yaml"
    file.write_text("train.batch_size: {choices: [4, 8]}\n")
    return file


def test_handing_over_needs_a_server(ranges: Path) -> None:
    """Prefect's own server ends with the command, so that nothing could be handed to it."""
    with pytest.raises(ParamsError, match="--machines needs a team's Prefect server; set PREFECT_API_URL"):
        segline.tune(ranges, machines=2)


@pytest.mark.parametrize(("trials", "machines"), [(20, -1), (20, 1001), (0, 2)])
def test_numbers_out_of_range_are_refused(ranges: Path, trials: int, machines: int) -> None:
    """The message gives both numbers."""
    with pytest.raises(ParamsError, match=f"--machines is {machines} and --trials {trials}, expected 1 to 1000 and 1"):
        hand_over(ranges, trials, machines, "")


def test_ranges_are_looked_at_before_anything_is_started(ranges: Path) -> None:
    """A wrong name is refused here, not on each machine."""
    ranges.write_text("train.batchsize: {choices: [4, 8]}\n")
    with pytest.raises(ParamsError, match="did you mean train.batch_size"):
        hand_over(ranges, 20, 2, "")


def test_a_worker_without_the_shared_database_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else each worker would make all trials by itself."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(STORAGE, raising=False)
    state = search.fn("train.batch_size: {choices: [4, 8]}", 2)
    assert state.name == "Failed" and "SEGLINE_TUNE_STORAGE is not set for this worker" in str(state.message)
