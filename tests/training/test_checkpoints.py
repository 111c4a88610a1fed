"""Checkpoints."""

import contextlib
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import TrainingError
from pipeline.training.checkpoints import Checkpoint, checkpoint_path, only_training


def test_round_trip(tmp_path: Path) -> None:
    """State, best weights and history come back bit by bit, nan included, and so do precision and machines."""
    state = [np.array([1.5, np.nan], np.float32), np.array(7)]
    machines = [{"cpu": "one"}, {"cpu": "two"}]
    Checkpoint(state, state[:1], [{"epoch": 1, "loss": float("nan")}], "float32", machines).write(tmp_path / "a.npz")
    again = Checkpoint.read(tmp_path / "a.npz")
    np.testing.assert_array_equal(again.state[0], state[0])
    assert again.state[1] == 7 and len(again.best) == 1 and np.isnan(again.history[0]["loss"])
    assert type(again.history[0]["epoch"]) is int  # written to history.csv as it came
    assert again.precision == "float32" and again.machines == machines


@pytest.mark.parametrize("length", [0, 10, 200])
def test_a_damaged_file_says_what_to_do(tmp_path: Path, length: int) -> None:
    """A checkpoint cut short is never taken for a good one."""
    path = tmp_path / "a.npz"
    Checkpoint([np.arange(99)], [], [], "float32", []).write(path)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(TrainingError, match="a.npz: the checkpoint is damaged .* delete it to train from the first"):
        Checkpoint.read(path)


def test_a_file_that_cannot_be_read_is_not_called_damaged(tmp_path: Path) -> None:
    """What the system refuses may be a sound checkpoint of many hours: no message says to delete it."""
    (tmp_path / "a.npz").mkdir()
    with pytest.raises(TrainingError, match=r"a.npz: the checkpoint cannot be read \(Is a directory\)") as info:
        Checkpoint.read(tmp_path / "a.npz")
    assert "delete" not in str(info.value)


def test_too_little_memory_is_reported_before_anything_is_deleted(tmp_path: Path) -> None:
    """An array that claims a petabyte: memory comes first, deleting only if that was not it."""
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive, archive.open("state0.npy", "w") as file:
        header = {"descr": "<f8", "fortran_order": False, "shape": (1 << 47,)}
        np.lib.format.write_array_header_1_0(file, header)
    with pytest.raises(TrainingError, match="a.npz: reading the checkpoint takes more memory .* free memory and run"):
        Checkpoint.read(tmp_path / "a.npz")


@given(st.integers(0), st.binary(min_size=1, max_size=9))
@settings(max_examples=60, deadline=None)
def test_a_file_that_was_changed_anywhere_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, place: int, odd: bytes
) -> None:
    """Whatever bytes stand in it, no other error than ours comes out."""
    path = tmp_path_factory.getbasetemp() / "a.npz"
    state = [np.arange(9), np.array(1.5)]
    Checkpoint(state, state[:1], [{"loss": 0.5}], "float32", [{"cpu": "one"}]).write(path)
    content = path.read_bytes()
    start = place % len(content)
    path.write_bytes(content[:start] + odd + content[start + len(odd) :])
    with contextlib.suppress(TrainingError):
        assert isinstance(Checkpoint.read(path), Checkpoint)


@pytest.mark.parametrize("history", ["[[1]]", "5", '[{"loss": "low"}]', "[" * 9999, '{"loss": 1}', "[null]"])
def test_a_history_that_is_none_is_refused(tmp_path: Path, history: str) -> None:
    """Rows of numbers by name, or the file is damaged."""
    output = f'{{"history": {history}, "precision": "float32", "machines": []}}'
    np.savez(tmp_path / "a.npz", allow_pickle=False, output=np.array(output), state0=np.arange(3))
    with pytest.raises(TrainingError, match="a.npz: the checkpoint is damaged"):
        Checkpoint.read(tmp_path / "a.npz")


def test_another_recipe_is_another_file() -> None:
    """Equal recipes meet, whatever their order; a changed one gets a file of its own."""
    assert checkpoint_path({"a": 1, "b": 2}) == checkpoint_path({"b": 2, "a": 1}) != checkpoint_path({"a": 1, "b": 3})


def test_a_second_training_is_refused_while_the_first_lives(tmp_path: Path) -> None:
    """The lock goes with the process that holds it."""
    code = (
        "import sys, pathlib; from pipeline.training.checkpoints import only_training\n"
        "with only_training(pathlib.Path(sys.argv[1])): pass"
    )
    with only_training(tmp_path):
        done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode and "another training runs in this folder; wait for its end" in done.stderr
    with only_training(tmp_path):
        pass


def test_in_process_refusal_reads_the_same(tmp_path: Path) -> None:
    """Two holders in one process are refused as well."""
    with only_training(tmp_path), pytest.raises(TrainingError, match="another training runs"), only_training(tmp_path):
        pass
