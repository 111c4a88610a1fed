"""Inputs of a stage, watched while it runs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import StageError
from pipeline.runtime.inputs import unchanged_inputs

DVC_YAML = "stages: {train: {cmd: x, deps: [code.py, data], params: [train]}}"


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stage with a file, a folder and a section of params."""
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    for name, text in (("dvc.yaml", DVC_YAML), ("params.yaml", "{train: 1, gate: 1}"), ("code.py", ""), ("data/a", "")):
        Path(name).write_text(text)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda: Path("code.py").write_text("new"), "code.py"),
        (lambda: Path("code.py").unlink(), "code.py"),
        (lambda: Path("data/b").write_text(""), "data/b"),
        (lambda: Path("params.yaml").write_text("{train: 2, gate: 1}"), "params.yaml: train"),
    ],
)
def test_an_edit_in_the_meantime_is_named(change: Callable[[], object], name: str) -> None:
    """Changed, removed and new files and changed params all end the stage."""
    with (
        pytest.raises(StageError, match=f"^{name} changed while train ran.*run the same command"),
        unchanged_inputs("train"),
    ):
        change()


def test_what_the_stage_does_not_read_may_change() -> None:
    """Params of other stages and other files are nobody's business."""
    with unchanged_inputs("train"):
        Path("params.yaml").write_text("{train: 1, gate: 2}")
        Path("other.py").write_text("new")


def test_the_stages_own_error_comes_first() -> None:
    """A stage that fails says why it failed, whatever changed."""
    with pytest.raises(ZeroDivisionError), unchanged_inputs("train"):
        Path("code.py").write_text("new")
        raise ZeroDivisionError


def test_outside_a_project_nothing_is_watched() -> None:
    """A program that is run by itself needs no dvc.yaml."""
    Path("dvc.yaml").unlink()
    with unchanged_inputs("train"):
        Path("code.py").write_text("new")
