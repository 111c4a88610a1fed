"""Tests of the clone in which scheduled runs work."""

from pathlib import Path

import pytest

from pipeline.errors import RepositoryError
from pipeline.repository.checkout import BRANCH, CLONE, Checkout
from pipeline.repository.git import git

pytestmark = pytest.mark.services


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A person's clone of a remote that holds one commit."""
    git("init", "--quiet", "--bare", "--initial-branch", "main", str(tmp_path / "remote.git"))
    git("clone", "--quiet", str(tmp_path / "remote.git"), str(tmp_path / "clone"))
    git("switch", "--quiet", "--create", "main", folder=tmp_path / "clone")
    push(tmp_path / "clone", **{"params.yaml": "epochs: 1", "data.dvc": "first", ".gitignore": ".segline/\nwork/"})
    return tmp_path / "clone"


def push(clone: Path, **texts: str) -> str:
    """A person's commit on the remote."""
    for name, text in texts.items():
        (clone / name).write_text(text)
    git("add", "--all", folder=clone)
    git("commit", "--quiet", "--message", "by a person", folder=clone)
    git("push", "--quiet", "origin", "HEAD", folder=clone)
    return git("rev-parse", "HEAD", folder=clone)


def run(checkout: Checkout, message: str = "run", **texts: str) -> str:
    """A run that writes some files."""
    start = checkout.fetch()
    checkout.prepare(start)
    for name, text in texts.items():
        (checkout.folder / name).write_text(text)
    return checkout.save(start, message)


def test_a_run_is_a_commit_of_its_own(clone: Path) -> None:
    """It is on the remote's branch, names the code that it ran, and leaves the person's clone as it was."""
    (clone / "params.yaml").write_text("a person is at work")
    before = git("status", "--porcelain", folder=clone)
    code = git("rev-parse", "HEAD", folder=clone)
    first = run(Checkout(clone), **{"dvc.lock": "1", "data.dvc": "second", "notes.txt": "not of a run"})
    second = run(Checkout(clone), **{"dvc.lock": "2"})
    git("fetch", "--quiet", folder=clone)
    assert git("rev-parse", f"origin/{BRANCH}", f"{second}^@", f"{first}^@", folder=clone).split() == [
        *(second, first, code),
        code,
    ]
    names = git("ls-tree", "--name-only", second, folder=clone).split()
    assert names == [".gitignore", "data.dvc", "dvc.lock", "params.yaml"]
    assert git("show", f"{second}:data.dvc", folder=clone) == "second"
    assert git("show", f"{second}:params.yaml", folder=clone) == "epochs: 1"
    assert git("status", "--porcelain", folder=clone) == before


def test_changes_of_a_person_are_listed_and_win(clone: Path) -> None:
    """Data that a person committed since the last run replace the run's; what git ignores stays in place."""
    checkout = Checkout(clone)
    assert checkout.list_changes(checkout.fetch(), ["params.yaml", "data.dvc"]) == ["params.yaml", "data.dvc"]
    run(checkout, **{"data.dvc": "of the run", "dvc.lock": "1"})
    (checkout.folder / "work").mkdir()
    assert checkout.list_changes(checkout.fetch(), ["params.yaml", "data.dvc"]) == []
    push(clone, **{"params.yaml": "epochs: 2", "README": "not watched"})
    start = checkout.fetch()
    assert checkout.list_changes(start, ["params.yaml", "data.dvc"]) == ["params.yaml"]
    checkout.prepare(start)
    assert (checkout.folder / "data.dvc").read_text() == "of the run"
    push(clone, **{"data.dvc": "of a person"})
    start = checkout.fetch()
    checkout.prepare(start)
    assert (checkout.folder / "data.dvc").read_text() == "of a person"
    assert (checkout.folder / "dvc.lock").read_text() == "1"
    assert (checkout.folder / "work").is_dir()


def test_what_is_not_on_the_remote_is_listed(clone: Path) -> None:
    """Changed files that are watched, and a commit that was not pushed; others are nobody's concern."""
    checkout = Checkout(clone)
    checkout.fetch()
    assert checkout.list_unpushed(["params.yaml", "pipeline"]) == []
    (clone / "params.yaml").write_text("epochs: 5")
    (clone / "notes").write_text("mine")
    assert checkout.list_unpushed(["params.yaml", "pipeline"]) == ["params.yaml"]
    git("commit", "--quiet", "--all", "--message", "mine", folder=clone)
    head = git("rev-parse", "HEAD", folder=clone)
    assert checkout.list_unpushed(["params.yaml", "pipeline"]) == [f"commit {head[:8]}"]
    git("push", "--quiet", "origin", "HEAD", folder=clone)
    checkout.fetch()
    assert checkout.list_unpushed(["params.yaml", "pipeline"]) == []


def test_runs_of_two_machines_are_both_kept(clone: Path, tmp_path: Path) -> None:
    """A run that ends after another one goes on top of it."""
    git("clone", "--quiet", str(tmp_path / "remote.git"), str(tmp_path / "other"))
    slow = Checkout(tmp_path / "other")
    start = slow.fetch()
    slow.prepare(start)
    fast = run(Checkout(clone), **{"dvc.lock": "fast"})
    (slow.folder / "dvc.lock").write_text("slow")
    last = slow.save(start, "slow")
    assert git("rev-parse", f"{last}^@", folder=slow.folder).split() == [fast, start.code]
    assert Checkout(clone).fetch().last == last


def test_a_run_is_finished_once_it_is_marked(clone: Path, tmp_path: Path) -> None:
    """A repeated run keeps its commit; an older run that ends later does not take the newer one's mark away."""
    checkout = Checkout(clone)
    first = run(checkout, **{"dvc.lock": "1"})
    assert not checkout.fetch().is_last_finished
    assert run(checkout) == first
    git("clone", "--quiet", str(tmp_path / "remote.git"), str(tmp_path / "other"))
    newer = Checkout(tmp_path / "other")
    second = run(newer, **{"dvc.lock": "2"})
    newer.finish()
    checkout.finish()
    assert checkout.fetch() == newer.fetch() and newer.fetch().is_last_finished and newer.fetch().last == second
    (tmp_path / "remote.git").rename(tmp_path / "moved.git")
    with pytest.raises(RepositoryError, match="correct the remote `origin` of this clone"):
        newer.finish()


def test_the_branch_follows_from_the_remote_or_is_named(clone: Path) -> None:
    """A branch that is missing is named; one whose name begins like another one's is not taken for it."""
    git("switch", "--quiet", "--create", "next/try", folder=clone)
    commit = push(clone, **{"params.yaml": "epochs: 3"})
    assert Checkout(clone).fetch("next/try").code == commit != Checkout(clone).fetch().code
    for name in ("next", "--upload-pack=touch x", "nobody"):
        with pytest.raises(RepositoryError, match=f"has no branch '{name}'; push it, or name another one"):
            Checkout(clone).fetch(name)


def test_a_remote_without_a_default_branch_needs_a_name(clone: Path, tmp_path: Path) -> None:
    """Its HEAD may be at no branch."""
    commit = git("rev-parse", "HEAD", folder=clone)
    git("update-ref", "--no-deref", "HEAD", commit, folder=tmp_path / "remote.git")
    with pytest.raises(RepositoryError, match="`origin` has no default branch; name the branch to run with --branch"):
        Checkout(clone).fetch()
    assert Checkout(clone).fetch("main").code == commit


def test_looking_for_changes_leaves_nothing(clone: Path) -> None:
    """No file of the clone grows with each look."""
    Checkout(clone).fetch()
    before = {path: path.stat().st_size for path in (clone / ".segline").rglob("*")}
    Checkout(clone).fetch()
    assert before == {path: path.stat().st_size for path in (clone / ".segline").rglob("*")}


def test_a_project_without_a_remote_keeps_its_runs_itself(clone: Path) -> None:
    """The branch is in the project then, and the branch that a person is on does not move."""
    git("remote", "remove", "origin", folder=clone)
    commit = run(Checkout(clone), **{"dvc.lock": "1"})
    assert git("rev-parse", BRANCH, folder=clone) == commit
    assert git("branch", "--show-current", folder=clone) == "main"


def test_a_remote_that_refuses_is_reported(clone: Path, tmp_path: Path) -> None:
    """Nothing is lost: the next run saves what this one could not."""
    checkout = Checkout(clone)
    start = checkout.fetch()
    checkout.prepare(start)
    (checkout.folder / "dvc.lock").write_text("1")
    hook = tmp_path / "remote.git/hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho the disk of this server is full\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(RepositoryError, match=r"git push says: .*disk of this server is full.*; correct the remote"):
        checkout.save(start, "run")
    hook.unlink()
    assert checkout.save(start, "run") == checkout.fetch().last
    (tmp_path / "remote.git").rename(tmp_path / "moved.git")
    with pytest.raises(RepositoryError, match="git fetch says: .*; correct the remote `origin` of this clone"):
        checkout.fetch()


def test_a_clone_that_was_cut_off_is_made_again(clone: Path) -> None:
    """Half a clone of a killed process is in the way of nothing."""
    (clone / CLONE).parent.mkdir()
    (clone / CLONE.with_name(f".{CLONE.name}.part")).mkdir()
    assert Checkout(clone).fetch().last is None


def test_outside_of_a_repository_it_is_refused(tmp_path: Path) -> None:
    """The message says what to do."""
    with pytest.raises(RepositoryError, match="not a git repository.*; run this in a clone of the project"):
        Checkout(tmp_path).fetch()
