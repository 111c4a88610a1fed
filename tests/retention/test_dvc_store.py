"""Tests of pipeline/retention/dvc_store.py; remotes in S3 are tested with the doctor."""

import subprocess
from pathlib import Path

import pytest

from pipeline.dataset.versions import add_data
from pipeline.errors import StageError
from pipeline.retention.dvc_store import find_cache, locked, look_at_remote

pytestmark = pytest.mark.services


def test_a_folder_can_be_a_remote(project: Path, tmp_path: Path) -> None:
    """It answers once something was pushed."""
    assert look_at_remote() is None
    subprocess.run(["dvc", "remote", "add", "--quiet", "--default", "near", tmp_path / "remote"], check=True)
    assert look_at_remote() == (str(tmp_path / "remote"), False)
    Path("data").mkdir()
    Path("data/a").write_text("a")
    add_data()
    subprocess.run(["dvc", "push", "--quiet"], check=True)
    assert look_at_remote() == (str(tmp_path / "remote"), True)


def test_the_cache_must_be_this_projects_own(project: Path, tmp_path: Path) -> None:
    """One in another place may be shared; without DVC there is none."""
    assert find_cache() == project.resolve() / ".dvc/cache"
    subprocess.run(["dvc", "cache", "dir", "--local", tmp_path / "shared"], check=True)
    with pytest.raises(StageError, match="outside of this project"):
        find_cache()
    (tmp_path / "empty").mkdir()
    with pytest.raises(StageError, match="is not a DVC project"), locked(tmp_path / "empty"):
        pass
