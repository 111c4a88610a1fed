"""Tests of reading a commit without a checkout."""

import os
import subprocess
from pathlib import Path

import pytest

from pipeline.disk.files import md5_of_code
from pipeline.provenance.commit import list_remote_branches, md5_in_commit, read_commit_files
from pipeline.registry.lineage import read_commit
from tests.conftest import GIT

pytestmark = pytest.mark.services


@pytest.fixture(autouse=True)
def _repository(project: Path) -> None:
    files = {"pipeline/a.py": b"x = 1\n", "pipeline/b/\u00e4 1.py": b"", "flows/c.bin": bytes(range(256))}
    for name, content in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(content)
    for words in ("add --all", "commit --quiet --message all"):
        subprocess.run(["git", *words.split()], check=True, env=os.environ | GIT)


def test_code_has_the_md5_of_a_checkout() -> None:
    """Files and folders of a commit have the MD5 that DVC gives them here, whatever lies here now."""
    paths = ("pipeline", "pipeline/a.py", "pipeline/b", "flows", "flows/c.bin")
    expected = {path: md5_of_code(Path(path)) for path in paths}
    Path("pipeline/a.py").write_text("x = 2\n")
    files = read_commit_files(read_commit())
    assert files is not None
    assert {path: md5_in_commit(files, path) for path in paths} == expected
    assert md5_in_commit(files, "pipeline/gone") is None


@pytest.mark.parametrize("commit", ["0" * 40, "HEAD", "--help", "", "a" * 39 + "\n"])
def test_what_is_no_commit_here(commit: str) -> None:
    """A commit that is not here, and a text that is no commit's name, give nothing."""
    assert read_commit_files(commit) is None


def test_remote_branches() -> None:
    """Only branches of a remote count."""
    commit = read_commit()
    assert list_remote_branches(commit) == []
    subprocess.run(["git", "update-ref", "refs/remotes/origin/main", "HEAD"], check=True)
    assert list_remote_branches(commit) == ["origin/main"]
