"""Tests of flows/start.py."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.start import BASE_BYTES, check_disk, check_start
from pipeline.errors import SeglineError, StageError
from tests.flows.tiny_flow import write_tiny_flow


@pytest.fixture(autouse=True)
def _tiny(project: Path) -> None:
    write_tiny_flow(project)


def write(path: str, text: str) -> Callable[[], Any]:
    """Writes a file, when called."""
    return lambda: Path(path).write_text(text)


def leave_only_the_version() -> None:
    """Makes a clone's state before `dvc pull`."""
    shutil.rmtree("data")
    Path("data.dvc").touch()


def test_a_committed_project_with_data_may_start() -> None:
    """Where nothing is missing, nothing is said."""
    check_start()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (write("params.yaml", "{}"), "`train` is missing"),
        (write("dvc.yaml", "stages: {}"), "found no `stages`"),
        (lambda: shutil.rmtree("data"), "^data: not found; bring data in with `segline import`$"),
        (leave_only_the_version, "fetch the version in data.dvc with `dvc pull`, or"),
        (write("dvc.yaml", "stages: {train: {cmd: b}}"), "code is not committed: dvc.yaml; .* run `dvc repro`"),
        (lambda: shutil.rmtree(".git/refs"), "git repository"),
    ],
)
def test_what_would_fail_later_is_reported_at_once(
    spoil: Callable[[], Any], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Params, stages, data and code are looked at before anything runs."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(Path.cwd().parent))
    spoil()
    with pytest.raises(SeglineError, match=says):
        check_start()


def test_a_wrong_interval_of_checkpoints_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the stages that come before the training."""
    monkeypatch.setenv("SEGLINE_CHECKPOINT_MINUTES", "often")
    with pytest.raises(SeglineError, match="SEGLINE_CHECKPOINT_MINUTES is 'often', expected minutes"):
        check_start()


def test_a_disk_that_is_nearly_full_is_reported(tmp_path: Path) -> None:
    """A run that would take more than is free is refused with both numbers."""
    free = shutil.disk_usage(".").free
    with Path("data/images/large").open("wb") as file:
        file.truncate(free)  # takes no place on the disk
    with pytest.raises(StageError, match=r"\d+ MB are free on this disk, a run writes some \d+ MB; free some space"):
        check_disk()
    assert free > BASE_BYTES


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("no_such_engine", "KERAS_BACKEND is 'no_such_engine', expected tensorflow or jax; correct it or unset it"),
        ("jax", "KERAS_BACKEND is 'jax', which is not installed; `uv pip install jax`, or unset it"),
    ],
)
def test_an_engine_that_cannot_train_is_reported(name: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of a traceback of the stage `train`."""
    monkeypatch.setenv("KERAS_BACKEND", name)
    monkeypatch.setattr("flows.start.find_spec", lambda _: None)  # also where JAX is installed
    with pytest.raises(SeglineError, match=says):
        check_start()
