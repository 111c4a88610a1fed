"""Tests of flows/stage.py, with DVC itself."""

from pathlib import Path

import pytest

from pipeline.dataset.versions import add_data
from tests.flows.tiny_flow import run_module

STAGE = "stages:\n  one:\n    cmd: {cmd}\n    deps: [data]\n    outs: [work/a]\n"


@pytest.fixture
def data(project: Path) -> None:
    """Data with a version."""
    (project / "data").mkdir()
    (project / "data/a").write_text("a")
    (project / "work").mkdir()
    add_data()


@pytest.mark.e2e
def test_a_stage_says_what_it_does_and_gives_no_hints(data: None) -> None:
    """DVC's words on the stage and the stage's own are printed, its advice to type `git add` and `dvc push` is not."""
    Path("dvc.yaml").write_text(STAGE.format(cmd="echo hello && cp data/a work/a"))
    assert run_module("flows.stage", "one") == (0, "Running stage 'one':\n> echo hello && cp data/a work/a\nhello\n")
    assert Path("dvc.lock").exists()
    assert run_module("flows.stage", "one") == (0, "Stage 'one' didn't change, skipping\n")


def test_a_stage_that_fails_is_told(data: None) -> None:
    """What the stage said comes first, then that it failed, without a traceback."""
    Path("dvc.yaml").write_text(STAGE.format(cmd="echo why && exit 7"))
    code, output = run_module("flows.stage", "one")
    assert code == 1
    assert output.splitlines()[2:] == [
        "why",
        "error: DVC failed: failed to reproduce 'one': failed to run: echo why && exit 7, exited with 7; mend that "
        "and run the same command again",
    ]
