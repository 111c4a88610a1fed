"""Tests of pipeline/runtime/stages.py."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import StageError
from pipeline.runtime.stages import describe_stage, list_stages, unchanged_inputs

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


def test_a_stage_needs_no_params() -> None:
    """A stage without own params is watched like any other; one without dependencies is refused."""
    Path("dvc.yaml").write_text("stages: {one: {cmd: x, deps: [code.py]}, two: {cmd: x}}")
    assert describe_stage("one") == {"params": [], "deps": ["code.py"]}
    with pytest.raises(StageError, match="code.py changed while one ran"), unchanged_inputs("one"):
        Path("code.py").write_text("new")
    for name in ("two", "three"):
        with pytest.raises(StageError, match=f"dvc.yaml: found no stage {name} with deps"):
            describe_stage(name)


def test_stages_keep_their_order() -> None:
    """The stages come in the order of the file, not of their names."""
    Path("dvc.yaml").write_text("stages: {validate: {cmd: a}, train: {cmd: b}, export: {cmd: c}}\n")
    assert list_stages() == ["validate", "train", "export"]


@pytest.mark.parametrize(
    ("text", "message"), [("[", "is not YAML"), ("stages:", "found no `stages`"), ("", "found no")]
)
def test_a_broken_list_of_stages_is_refused(text: str, message: str) -> None:
    """A dvc.yaml without stages is named."""
    Path("dvc.yaml").write_text(text)
    with pytest.raises(StageError, match=message):
        list_stages()


def test_a_missing_list_of_stages_is_refused() -> None:
    """Outside a project the message says where to be."""
    Path("dvc.yaml").unlink()
    with pytest.raises(StageError, match="not found; run this in the project's folder"):
        list_stages()
