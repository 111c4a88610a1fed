"""A project in which the package's functions are called."""

from pathlib import Path

import pytest

from tests.contest import FREE, write_contest


@pytest.fixture
def contest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a test split and an empty registry, as the current directory."""
    write_contest(tmp_path, monkeypatch, **FREE)
    Path("dvc.yaml").write_text("stages: {}\n")
    return tmp_path
