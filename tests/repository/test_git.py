"""Tests of the door to git."""

from pathlib import Path

import pytest

from pipeline.errors import RepositoryError
from pipeline.repository.git import git, run_git


def test_output_comes_as_text_and_as_bytes(tmp_path: Path) -> None:
    """Text has no last line's end; bytes are as they are."""
    git("init", "--quiet", str(tmp_path))
    (tmp_path / "a").write_bytes(b"\xff\n")
    name = git("hash-object", "-w", "a", folder=tmp_path)
    assert (
        run_git("cat-file", "--batch", folder=tmp_path, given=name.encode())
        == f"{name} blob 2\n".encode() + b"\xff\n\n"
    )
    assert git("cat-file", "blob", name, folder=tmp_path) == "\ufffd"


def test_no_program_of_the_user_runs(tmp_path: Path) -> None:
    """A hook of the repository is not started."""
    git("init", "--quiet", str(tmp_path))
    hook = tmp_path / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    git("commit", "--quiet", "--allow-empty", "--message", "empty", folder=tmp_path)


def test_a_failure_says_what_to_do_and_no_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has the command, what git said and the advice; a password in an address is hidden."""
    address = "http://me:S3cr3t@127.0.0.1:9/x.git"
    with pytest.raises(RepositoryError, match="git ls-remote says: .*; correct the address") as refused:
        git("ls-remote", address, folder=tmp_path, otherwise="correct the address")
    assert "S3cr3t" not in str(refused.value)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RepositoryError, match="git: not found; .* install git"):
        git("status")
