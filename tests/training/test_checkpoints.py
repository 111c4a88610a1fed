"""Checkpoints."""

import io
import math
import os
import subprocess
import sys
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import ParamsError, StageError, TrainingError
from pipeline.training.checkpoints import (
    EVERY,
    NEWEST,
    OLDER,
    Checkpoint,
    checkpoint_folder,
    only_training,
    read_interval_s,
    read_newest,
)
from tests.conftest import small_files

STATE = [np.array([1.5, np.nan], np.float32), np.array(7)]
MACHINES = [{"cpu": "one"}, {"cpu": "two"}]


def after(num_epochs: int) -> Checkpoint:
    """A checkpoint after some epochs and one step of the next."""
    history = [{"epoch": epoch + 1, "loss": math.nan} for epoch in range(num_epochs)]
    return Checkpoint(STATE, STATE[:1], history, [0.1], "float32", MACHINES)


def write(folder: Path, *epochs: int) -> tuple[Path, Path]:
    """Writes checkpoints after so many epochs each; returns the paths of the newest and the older one."""
    for num_epochs in epochs:
        after(num_epochs).write(folder)
    return folder / NEWEST, folder / OLDER


def damage(path: Path) -> None:
    """Changes one byte in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def write_raw(path: Path, record: str, **arrays: Any) -> None:
    """Writes a file with a right checksum and a record of any kind."""
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, record=np.array(record), **arrays)
    path.write_bytes(sha256(content.getvalue()).digest() + content.getvalue())


def test_round_trip(tmp_path: Path) -> None:
    """State, best weights, history and losses come back bit by bit, nan included, and so do precision and machines."""
    losses = [0.1, 1 / 3, float(np.float32(0.7))]
    row = {"epoch": 1, "loss": math.nan}
    Checkpoint(STATE, STATE[:1], [row], losses, "float32", MACHINES).write(tmp_path)
    again = Checkpoint.read(tmp_path / NEWEST)
    np.testing.assert_array_equal(again.state[0], STATE[0])
    assert again.state[1] == 7 and len(again.best) == 1 and math.isnan(again.history[0]["loss"])
    assert type(again.history[0]["epoch"]) is int  # written to history.csv as it came
    assert again.losses == losses and again.precision == "float32" and again.machines == MACHINES


def test_the_last_two_are_kept(tmp_path: Path) -> None:
    """Of three the first is gone; the newest is read, without a word, and nothing half-written is left."""
    newest, older = write(tmp_path / "train-a", 1, 2, 3)
    assert [len(Checkpoint.read(path).history) for path in (newest, older)] == [3, 2]
    assert sorted(path.name for path in newest.parent.iterdir()) == sorted((NEWEST, OLDER))


def test_without_a_checkpoint_there_is_none(tmp_path: Path) -> None:
    """A training that never ran has no folder."""
    assert read_newest(tmp_path / "train-a") is None


def test_a_damaged_newest_one_gives_way_to_the_one_before(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The warning names both; the damaged one is removed, so that it never takes the place of the sound one."""
    newest, older = write(tmp_path, 1, 2)
    damage(newest)
    saved = read_newest(tmp_path)
    assert saved and len(saved.history) == 1
    warning = f"train: warning: {newest}: the checkpoint is damaged (its SHA-256 is another than when it was written)"
    assert capsys.readouterr().out == f"{warning}; the one before it is used, {older}\n"
    assert [path.name for path in tmp_path.iterdir()] == [OLDER]
    write(tmp_path, 3)
    assert [len(Checkpoint.read(path).history) for path in (newest, older)] == [3, 1]


def test_a_kill_between_two_renames_leaves_the_older_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is damaged, so nobody is warned."""
    newest, _ = write(tmp_path, 1, 2)
    newest.unlink()
    saved = read_newest(tmp_path)
    assert saved and len(saved.history) == 1 and not capsys.readouterr().out


def test_two_damaged_ones_say_what_to_do(tmp_path: Path) -> None:
    """Both are named, and both are kept."""
    paths = write(tmp_path, 1, 2)
    for path in paths:
        damage(path)
    both = "; ".join(rf"{path}: the checkpoint is damaged \(.*\)" for path in paths)
    with pytest.raises(TrainingError, match=f"^{both}; delete {tmp_path} to train from the first epoch again$"):
        read_newest(tmp_path)
    assert all(path.exists() for path in paths)


@pytest.mark.parametrize("length", [0, 10, 200])
def test_a_damaged_file_says_what_to_do(tmp_path: Path, length: int) -> None:
    """A checkpoint cut short is never taken for a good one."""
    path, _ = write(tmp_path, 1)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(TrainingError, match="newest.ckpt: the checkpoint is damaged .* delete .* from the first epoch"):
        read_newest(tmp_path)


def test_a_file_that_cannot_be_read_is_not_called_damaged(tmp_path: Path) -> None:
    """What the system refuses may be a sound checkpoint of many hours: no message says to delete it."""
    (tmp_path / NEWEST).mkdir()
    with pytest.raises(TrainingError, match=r"the checkpoint cannot be read \(Is a directory\)") as info:
        read_newest(tmp_path)
    assert "delete" not in str(info.value)


def test_too_little_memory_is_no_damage(tmp_path: Path) -> None:
    """An array that claims a petabyte: the checkpoint stays, and memory is to be freed."""
    array = io.BytesIO()
    np.lib.format.write_array_header_1_0(array, {"descr": "<f8", "fortran_order": False, "shape": (1 << 47,)})
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("state0.npy", array.getvalue())
    (tmp_path / NEWEST).write_bytes(sha256(content.getvalue()).digest() + content.getvalue())
    with pytest.raises(TrainingError, match="reading the checkpoint takes more memory than there is; free memory and"):
        read_newest(tmp_path)


@given(st.integers(0), st.integers(1, 255))
@settings(max_examples=60, deadline=None)
def test_a_file_that_was_changed_anywhere_is_refused(
    tmp_path_factory: pytest.TempPathFactory, place: int, change: int
) -> None:
    """One changed byte, wherever it stands, is found."""
    folder = tmp_path_factory.mktemp("changed")
    path, _ = write(folder, 1)
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= change
    path.write_bytes(content)
    with pytest.raises(TrainingError, match="the checkpoint is damaged"):
        read_newest(folder)


@pytest.mark.parametrize("history", ["[[1]]", "5", '[{"loss": "low"}]', "[" * 9999, '{"loss": 1}', "[null]"])
def test_a_history_that_is_none_is_refused(tmp_path: Path, history: str) -> None:
    """Rows of numbers by name, or the file is damaged, whatever its checksum says."""
    record = f'{{"history": {history}, "losses": [], "precision": "float32", "machines": []}}'
    write_raw(tmp_path / NEWEST, record, state0=np.arange(3))
    with pytest.raises(TrainingError, match="the checkpoint is damaged"):
        read_newest(tmp_path)
    write_raw(tmp_path / NEWEST, record.replace(history, "[]"), state0=np.arange(3))
    assert read_newest(tmp_path)


def test_content_is_on_the_disk_before_its_name_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """First the half-written file is flushed, whole; after the renames its folder is, and the folder of that."""
    flushed = []

    def note(file: int) -> None:
        path = Path(f"/proc/self/fd/{file}").readlink()
        flushed.append(
            (path.name, path.stat().st_size if path.is_file() else sorted(inner.name for inner in path.iterdir()))
        )

    folder = tmp_path / "train-a"
    (newest, _) = write(folder, 1)
    monkeypatch.setattr(os, "fsync", note)
    write(folder, 1)
    whole = newest.stat().st_size
    assert flushed == [(f".{NEWEST}.part", whole), ("train-a", [NEWEST, OLDER]), (tmp_path.name, ["train-a"])]


def test_a_full_disk_leaves_both(tmp_path: Path) -> None:
    """A checkpoint that finds no room takes neither of the others away."""
    paths = write(tmp_path, 1, 2)
    large = Checkpoint([np.zeros(1 << 16)], [], [], [], "float32", [])
    with small_files(), pytest.raises(StageError, match="no space left on the disk"):
        large.write(tmp_path)
    assert [len(Checkpoint.read(path).history) for path in paths] == [2, 1]
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(("text", "interval_s"), [(None, 600), ("", 600), ("0", 0), ("0.5", 30), ("90", 5400)])
def test_the_interval_is_read_in_minutes(text: str | None, interval_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten minutes unless it is set; 0 stays 0."""
    monkeypatch.delenv(EVERY, raising=False)
    if text is not None:
        monkeypatch.setenv(EVERY, text)
    assert read_interval_s() == interval_s


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "ten", "10 min", "1e999"])
def test_an_interval_that_is_none_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the variable, what it holds and what it may hold."""
    monkeypatch.setenv(EVERY, text)
    expected = "expected minutes between checkpoints, or 0: only after each epoch"
    with pytest.raises(ParamsError, match=f"^SEGLINE_CHECKPOINT_MINUTES is '{text}', {expected}$"):
        read_interval_s()


def test_another_recipe_is_another_folder() -> None:
    """Equal recipes meet, whatever their order; a changed one gets a folder of its own."""
    assert (
        checkpoint_folder({"a": 1, "b": 2})
        == checkpoint_folder({"b": 2, "a": 1})
        != checkpoint_folder({"a": 1, "b": 3})
    )


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
