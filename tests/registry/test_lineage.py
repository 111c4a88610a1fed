"""Tests of the lineage: what can be made again is read, anything else is refused."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.disk.files import md5_of
from pipeline.errors import EvidenceError, RepositoryError
from pipeline.registry.lineage import read_lineage
from tests.finished_project import commit, write_lock, write_project

pytestmark = pytest.mark.services


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_project(tmp_path, monkeypatch)


def edit(path: str, old: str, new: str) -> Callable[[], Any]:
    """Replaces text in a file, when called."""
    return lambda: Path(path).write_text(Path(path).read_text().replace(old, new))


def run_git(*arguments: str) -> str:
    """What git says."""
    return subprocess.run(("git", *arguments), check=True, capture_output=True, text=True).stdout.strip()


def test_clean_lineage_names_its_parts() -> None:
    """The lineage is the commit and the MD5s of data, params and lock."""
    lineage = read_lineage()
    assert lineage.git_commit == run_git("rev-parse", "HEAD")
    assert lineage.data_md5 == md5_of(Path("data"))
    assert lineage.params_md5 == md5_of(Path("params.yaml")) and lineage.dvc_lock_md5 == md5_of(Path("dvc.lock"))


def test_files_that_the_registry_keeps_may_differ_from_the_commit() -> None:
    """Params, data version and lock may be new, as long as they fit the outputs; other files are nobody's business."""
    edit("params.yaml", "\n  seed: 0", "\n  seed: 1")()
    Path("data/new.txt").write_text("")
    Path("notes.txt").write_text("")
    write_lock()
    assert read_lineage().data_md5 == md5_of(Path("data"))


@pytest.mark.parametrize(
    ("dirty", "told"),
    [
        (edit("pipeline/code.py", "1", "2"), "code is not committed: pipeline/code.py;"),
        (lambda: Path("flows/new ü.py").write_text(""), "flows/new ü.py"),
        (lambda: Path("requirements.lock").unlink(), "requirements.lock"),
        (lambda: [Path(f"pipeline/{n}.py").write_text("") for n in range(7)], "pipeline/4.py and 2 more; a model is"),
    ],
)
def test_code_that_is_not_committed(dirty: Callable[[], Any], told: str) -> None:
    """Changed, new and deleted code is refused by name."""
    dirty()
    with pytest.raises(EvidenceError) as info:
        read_lineage()
    assert told in str(info.value)


def hide(path: str, how: str) -> Callable[[], Any]:
    """Changes a file and tells git to overlook that, when called."""
    return lambda: (run_git("update-index", how, path), Path(path).write_text("x = 2\n"))


def exclude(path: str, line: str) -> Callable[[], Any]:
    """Writes a new file that only this clone ignores, when called."""

    def write() -> None:
        Path(path).parent.mkdir(exist_ok=True)
        Path(path).write_text("x = 2\n")
        Path(".git/info/exclude").write_text(f"{line}\n")

    return write


def sparse() -> None:
    """Takes a file of code out of the checkout, as `git sparse-checkout` does."""
    run_git("sparse-checkout", "set", "--no-cone", "/*", "!/flows/")


@pytest.mark.parametrize(
    ("dirty", "told"),
    [
        (hide("pipeline/code.py", "--assume-unchanged"), "pipeline/code.py"),
        (hide("flows/code.py", "--skip-worktree"), "flows/code.py"),
        (hide("dvc.yaml", "--assume-unchanged"), "dvc.yaml"),
        (exclude("pipeline/numpy.py", "numpy.py"), "pipeline/numpy.py"),
        (exclude("pipeline/more/__init__.py", "more/"), "pipeline/more/__init__.py"),
        (sparse, "flows/code.py"),
    ],
)
def test_code_that_is_hidden_from_git(dirty: Callable[[], Any], told: str) -> None:
    """Code that git was told to overlook is refused as any other."""
    dirty()
    assert not run_git("status", "--porcelain")
    with pytest.raises(EvidenceError, match=f"code is not committed: {told}; "):
        read_lineage()


def test_what_python_and_editors_leave_is_no_code() -> None:
    """Ignored files count only where Python could import them; the index stays as it is."""
    exclude("pipeline/__pycache__/code.cpython-311.pyc", "*.pyc\n*.swp")()
    Path("pipeline/.code.py.swp").write_text("")
    before = Path(".git/index").read_bytes()
    read_lineage()
    assert Path(".git/index").read_bytes() == before


def test_line_ends_that_git_converts_are_no_change() -> None:
    """A checkout with the line ends of another system holds the code of its commit."""
    Path(".gitattributes").write_text("*.py text\n")
    commit()
    run_git("config", "core.autocrlf", "true")
    Path("pipeline/code.py").write_bytes(b"x = 1\r\n")
    read_lineage()


def test_other_kinds_of_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of a larger repository, a detached HEAD and a second work tree have a lineage, too."""
    (tmp_path / ".git").rename(tmp_path.parent / f"{tmp_path.name}.git")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent.parent))
    large = tmp_path.parent / f"{tmp_path.name} large"
    shutil.copytree(tmp_path, large / "sub")
    monkeypatch.chdir(large)
    commit()
    monkeypatch.chdir(large / "sub")
    run_git("checkout", "--quiet", "--detach")
    assert read_lineage().git_commit == run_git("rev-parse", "HEAD")
    edit("pipeline/code.py", "1", "2")()
    with pytest.raises(EvidenceError, match="code is not committed: sub/pipeline/code.py;"):
        read_lineage()
    run_git("worktree", "add", "--quiet", "../../second")
    for name in ("data", "work"):
        shutil.copytree(name, f"../../second/sub/{name}")
    monkeypatch.chdir("../../second/sub")
    read_lineage()


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_repository_of_another_user() -> None:
    """Git refuses a repository of another user; the message says how to allow it."""
    os.chown(".", 4321, 4321)
    os.chown(".git", 4321, 4321)
    with pytest.raises(RepositoryError, match="dubious ownership.*safe.directory.*belongs to another user"):
        read_lineage()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (edit("work/gate/verdict.json", "true", "false"), "dvc.lock does not fit what lies here: work/gate is "),
        (lambda: shutil.rmtree("work/train"), "work/train is missing, locked is"),
        (edit("params.yaml", "\n  seed: 0", "\n  seed: 1"), "params.yaml: train.seed is 1, locked is 0;"),
        (
            edit("dvc.lock", "params.yaml:", f"{'9' * 300}.yaml:"),
            "99.yaml is missing, but dvc.lock has params of it",
        ),
        (edit("data.dvc", "md5: ", "md5: 0"), "data is 0"),
        (edit("dvc.lock", "  gate:", "  door:"), "stage gate has not been run"),
        (lambda: Path("dvc.lock").unlink(), "dvc.lock: not found; run `dvc repro`"),
        (lambda: Path("dvc.lock").write_text("[]"), "dvc.lock: is empty or not a table; run `dvc repro`"),
        (lambda: Path("dvc.lock").write_text("{"), "dvc.lock: is not YAML"),
        (
            lambda: Path("dvc.lock").write_text("stages: {gate: {deps: 5}}"),
            "not what DVC writes (stages.gate.cmd: Field",
        ),
        (lambda: Path("dvc.lock").write_text("stages: [gate]"), "dvc.lock: is not what DVC writes (stages.: Input"),
        (edit("dvc.lock", "path: work/gate", "path: 5"), "is not what DVC writes (stages.gate.outs.0.path: Input"),
        (lambda: Path("data.dvc").write_text("outs: 5"), "data.dvc: expected one output with path and md5"),
        (lambda: Path("data.dvc").unlink(), "data.dvc: not found; bring data in with `segline import`"),
        (lambda: Path("data.dvc").write_text("outs: []"), "data.dvc: expected one output with path and md5"),
    ],
)
def test_lock_that_does_not_fit(spoil: Callable[[], Any], told: str) -> None:
    """Outputs, params and data that are not those of the lock are refused, as is a lock that cannot be read."""
    spoil()
    with pytest.raises(EvidenceError) as info:
        read_lineage()
    assert told in str(info.value)


def test_pipeline_that_is_not_the_locked_one() -> None:
    """A stage whose command was changed and committed, but not run, is refused, and so is a pipeline without stages."""
    edit("dvc.yaml", "make gate", "make door")()
    commit()
    with pytest.raises(EvidenceError, match="the command of gate is 'make door', locked is 'make gate'"):
        read_lineage()
    Path("dvc.yaml").write_text("stages: {}")
    commit()
    with pytest.raises(EvidenceError, match="dvc.yaml names no stage"):
        read_lineage()


def test_repository_without_a_commit() -> None:
    """Before the first commit there is nothing to register with."""
    shutil.rmtree(".git")
    run_git("init", "--quiet")
    with pytest.raises(RepositoryError, match="git rev-parse says: .*commit the project's files first"):
        read_lineage()


def test_folder_without_a_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside git there is no lineage."""
    shutil.rmtree(".git")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(Path.cwd().parent))
    with pytest.raises(RepositoryError, match="not a git repository.*run this in a clone"):
        read_lineage()


def test_machine_without_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without git the message asks for it."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RepositoryError, match="git: not found; .* install git"):
        read_lineage()


@pytest.mark.e2e
def test_lock_of_real_dvc(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipeline that DVC itself has run is clean: our MD5s and params are its own, however small or odd they are."""
    edit("params.yaml", "weight_decay: 0.01", "weight_decay: 1e-5\n  odd: [.5e-7, off, 1_0]")()
    for path in ("dvc.lock", "data.dvc"):
        Path(path).unlink()
    stage = {
        "cmd": "mkdir work/a && cp data/dataset.yaml work/a",
        "deps": ["data"],
        "params": ["train.network", "train.weight_decay", "train.odd"],
    }
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": {"a": {**stage, "outs": ["work/a"]}}}))
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(Path.cwd() / ".segline"))
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    for arguments in (["init", "--quiet"], ["add", "--quiet", "data"], ["repro", "--quiet"]):
        subprocess.run([sys.executable, "-m", "dvc", *arguments], check=True)
    commit()
    assert read_lineage().data_md5 == md5_of(Path("data"))
