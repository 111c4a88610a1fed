"""A sound project, for each test of the doctor."""

import shutil
from pathlib import Path

import pytest

from pipeline.dataset.versions import add_data
from tests.conftest import PLACES, ROOT, SETTINGS
from tests.finished_project import commit, use_registry, write_lock, write_project


@pytest.fixture
def finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished project under git and DVC, as the current directory, with a registry of its own."""
    folder = tmp_path / "a project"
    folder.mkdir()
    for name in PLACES:
        monkeypatch.delenv(name, raising=False)
    write_project(folder, monkeypatch)
    for name in (".dvc/config", ".dvc/.gitignore"):
        assert name in SETTINGS
        Path(name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, name)
    for name in ("work/validate", "work/preprocess"):
        shutil.rmtree(name)  # of stages that this project does not have
    add_data()
    write_lock()
    add_data()
    Path(".gitignore").write_text(Path(".gitignore").read_text() + "/checkpoints/\n")
    commit()
    use_registry(tmp_path, monkeypatch)
    return folder
