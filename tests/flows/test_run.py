"""Tests of flows/run.py; its exit codes are tested with the flow."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from flows.run import open_ui, print_outcome
from pipeline.dataset.versions import add_data
from pipeline.runtime.cost import read_costs
from pipeline.runtime.stages import list_stages
from pipeline.steps.register import list_files
from tests.clone import clone_environment, write_clone
from tests.flows.tiny_flow import run_module

STAGE = "stages:\n  one:\n    cmd: {cmd}\n    deps: [data]\n    outs: [work/a]\n"
SEVENTH = """\
from pathlib import Path

from pipeline.runtime.program import run_stage


def main() -> dict[str, int]:
    return {"num_files": sum(path.is_file() for path in Path("data").rglob("*"))}


if __name__ == "__main__":
    run_stage("seventh", main)
"""
SEVENTH_IN_DVC = """\
  seventh:
    cmd: python -m pipeline.steps.seventh
    deps:
      - data
      - pipeline/steps/seventh.py
    outs:
      - work/seventh

metrics:
"""


def test_the_outcome_says_where_to_look(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Report, aliases and how to open MLflow; asking makes no data base."""
    print_outcome(project / "work/report.html")
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["report:", str(project / "work/report.html")]
    assert lines[1:3] == [["challenger:", "none"], ["champion:", "none"]]
    program = Path(sys.executable).with_name("mlflow")
    assert lines[3][1] == f"UI:   {program} ui --backend-store-uri sqlite:///mlflow.db" and program.exists()
    assert not (project / "mlflow.db").exists()


def test_a_server_has_its_pages_at_its_address() -> None:
    """A registry by address needs no command."""
    assert open_ui("https://mlflow.example") == "https://mlflow.example"


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
    assert run_module("flows.run", "--stage", "one") == (
        0,
        "Running stage 'one':\n> echo hello && cp data/a work/a\nhello\n",
    )
    assert Path("dvc.lock").exists()
    assert run_module("flows.run", "--stage", "one") == (0, "Stage 'one' didn't change, skipping\n")


def test_a_stage_that_fails_is_reported(data: None) -> None:
    """What the stage said comes first, then that it failed, without a traceback."""
    Path("dvc.yaml").write_text(STAGE.format(cmd="echo why && exit 7"))
    code, output = run_module("flows.run", "--stage", "one")
    assert code == 1
    assert output.splitlines()[2:] == [
        "why",
        "error: DVC failed: failed to reproduce 'one': failed to run: echo why && exit 7, exited with 7; fix that "
        "and run the same command again",
    ]


@pytest.mark.e2e
def test_a_seventh_stage_is_a_file_and_a_section_of_dvc_yaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The flow's program runs it, cost and registration find it, and no other file of the project has changed."""
    clone = tmp_path / "clone"
    write_clone(clone, {})
    for name in ("data", "work"):
        (clone / name).mkdir(exist_ok=True)
    (clone / "data/a").write_text("a")
    (clone / "pipeline/steps/seventh.py").write_text(SEVENTH)
    (clone / "dvc.yaml").write_text((clone / "dvc.yaml").read_text().replace("metrics:\n", SEVENTH_IN_DVC, 1))
    monkeypatch.chdir(clone)
    command = [sys.executable, "-m", "flows.run", "--stage", "seventh"]
    for line in ("Running stage 'seventh'", "Stage 'seventh' didn't change"):
        done = subprocess.run(command, env=clone_environment(), capture_output=True, text=True)
        assert done.returncode == 0 and line in done.stdout, done.stdout + done.stderr
    assert json.loads(Path("work/seventh/summary.json").read_text()) == {"num_files": 1}
    assert list_stages()[-1] == "seventh"
    assert [cost.stage for cost in read_costs()] == ["seventh"]
    assert (Path("work/seventh/summary.json"), "seventh") in list_files()
    changed = subprocess.check_output(["git", "diff", "--name-only"], text=True).split()
    assert changed == ["dvc.yaml"]
