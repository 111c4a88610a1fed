"""Tests of pipeline/retention/history.py."""

from pathlib import Path

import pytest

from pipeline.errors import RepositoryError
from pipeline.retention.history import read_files, read_history
from tests.retention.aged_project import git

pytestmark = pytest.mark.services


def commit(text: str) -> None:
    """Commits a `dvc.lock` with a text."""
    Path("dvc.lock").write_text(text)
    git("add", "dvc.lock")
    git("commit", "--quiet", "--message", text)


def test_every_version_that_git_can_give_is_read(project: Path) -> None:
    """Merged away, deleted, tagged, amended, stashed, added and on a detached head."""
    for name in ("folder", "work"):
        Path(name).mkdir()
    Path("folder/other.dvc").write_text("in-folder")
    git("add", "folder")
    commit("first")
    git("switch", "--quiet", "--create", "side")
    commit("side")
    git("switch", "--quiet", "--create", "main2", "HEAD~1")
    commit("amended-away")
    Path("dvc.lock").write_text("amended")
    git("commit", "--quiet", "--all", "--amend", "--message", "x")
    git("merge", "--quiet", "--strategy", "ours", "--message", "m", "side")
    git("branch", "--quiet", "--delete", "side")
    git("switch", "--quiet", "--detach")
    commit("detached")
    git("switch", "--quiet", "main2")
    for text in ("stash-1", "stash-2"):
        Path("dvc.lock").write_text(text)
        git("stash", "--quiet")
    Path("dvc.lock").write_text("added")
    git("add", "dvc.lock")
    Path("dvc.lock").write_text("here")
    contents = read_history(Path())
    texts = "in-folder first side amended-away amended detached stash-1 stash-2 added"
    assert [text for text in texts.split() if text.encode() not in contents] == []
    assert b"here" not in contents and b"here" in read_files(Path()) and b"in-folder" in read_files(Path())


def test_a_commit_by_name_is_read_if_it_is_there(project: Path) -> None:
    """A registered version may name a commit that no branch holds any more."""
    commit("first")
    commit("lost")
    lost = git("rev-parse", "HEAD")
    git("reset", "--quiet", "--hard", "HEAD~1")
    git("reflog", "expire", "--expire=now", "--expire-unreachable=now", "--all")
    assert b"lost" not in read_history(Path())
    assert b"lost" in read_history(Path(), [lost])
    assert b"first" in read_history(Path(), ["0" * 40])


def test_what_git_cannot_give_is_an_error(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing objects, a shallow clone, no repository, no git."""
    assert read_history(Path()) == b""
    commit("first")
    (project / ".git/shallow").write_text(git("rev-parse", "HEAD") + "\n")
    with pytest.raises(RepositoryError, match="`git fetch --unshallow`"):
        read_history(Path())
    (project / ".git/shallow").unlink()
    blob = git("rev-parse", "HEAD:dvc.lock")
    (project / f".git/objects/{blob[:2]}/{blob[2:]}").unlink()
    with pytest.raises(RepositoryError, match="git .* says|git lacks object"):
        read_history(Path())
    with pytest.raises(RepositoryError, match="git rev-parse says"):
        read_history(tmp_path)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RepositoryError, match="git: not found"):
        read_history(Path())
