"""Tests of flows/run.py; its exit codes are tested with the flow."""

import sys
from pathlib import Path

import pytest

from flows.run import open_ui, print_outcome


def test_the_outcome_says_where_to_look(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Report, aliases and how to open MLflow; asking makes no data base."""
    print_outcome()
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["report:", str(project.resolve() / "work/report.html")]
    assert lines[1:3] == [["challenger:", "none"], ["champion:", "none"]]
    program = Path(sys.executable).with_name("mlflow")
    assert lines[3][1] == f"UI:   {program} ui --backend-store-uri sqlite:///mlflow.db" and program.exists()
    assert not (project / "mlflow.db").exists()


def test_a_server_has_its_pages_at_its_address() -> None:
    """A registry by address needs no command."""
    assert open_ui("https://mlflow.example") == "https://mlflow.example"
