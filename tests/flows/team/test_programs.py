"""Tests of flows/team/programs.py; tests/e2e/test_team.py runs the programs."""

from pathlib import Path

import pytest

from flows.team.compose import Service
from flows.team.programs import with_postgres
from pipeline.errors import StageError


def test_a_machine_without_postgresql_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the program that is missing, and a way to get it."""
    monkeypatch.setattr("flows.team.programs.DEBIAN", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    service = Service("postgres", (), {}, ("pg_isready",), {}, {"/data": tmp_path / "data"}, 5432)
    with pytest.raises(StageError, match="PostgreSQL is not installed .*apt-get install postgresql"):
        with_postgres(service)
    assert not (tmp_path / "data").exists()
