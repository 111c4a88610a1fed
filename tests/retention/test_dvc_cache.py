"""Tests of pipeline/retention/dvc_cache.py."""

import os
import random
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import segline
from pipeline.errors import StageError
from pipeline.repository.checkout import CLONE
from tests.retention.aged_project import (
    check_out,
    git,
    make_outputs,
    read_files,
    register_lineage,
    write_aged_project,
    write_limits,
)

pytestmark = pytest.mark.e2e

CACHE = Path(".dvc/cache")
DAMAGED_LISTING = "is damaged"


@pytest.fixture
def aged(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without data, as the current directory."""
    write_aged_project(project, monkeypatch)
    return project


def objects() -> set[str]:
    """MD5s of what is in the cache."""
    return {f"{path.parent.name}{path.name}" for path in CACHE.glob("files/md5/*/*")}


def cache_problem() -> str:
    """What `clean --yes` says of DVC's cache."""
    return next(place.problem for place in segline.clean(yes=True).places if place.name == "DVC's cache")


def commit_all() -> None:
    """Commits what there is."""
    git("add", "--all")
    git("commit", "--quiet", "--allow-empty", "--message", "more")


STEPS: dict[str, Callable[[str], Any]] = {
    "retrain": make_outputs,
    "commit": lambda _: commit_all(),
    "register": lambda _: register_lineage(),
    "tag": lambda name: git("tag", f"t{name}"),
    "branch": lambda name: git("switch", "--quiet", "--create", f"b{name}"),
    "leave branch": lambda name: git("switch", "--quiet", "--detach", "--discard-changes", "HEAD~0"),
    "stash": lambda _: git("stash", "--quiet"),
    "forget": lambda _: git("reset", "--quiet", "--hard", "HEAD"),
}


@pytest.mark.parametrize("seed", range(6))
def test_what_a_version_or_commit_names_is_kept(aged: Path, seed: int) -> None:
    """After a history at random each registered version, each commit and the files here can be taken from the cache."""
    named = []
    for index, step in enumerate(["retrain", *random.Random(seed).choices(sorted(STEPS), k=10), "retrain"]):
        if step == "register" and not Path("dvc.lock").exists():
            continue
        STEPS[step](str(index))
        named += [read_files()] if step in ("commit", "register") else []
    here, before = read_files(), objects()
    places = segline.clean(yes=True).places
    assert [place.problem for place in places] == [""] * len(places)
    assert objects() <= before
    for files in [*named, here]:
        check_out(files)


def test_what_nothing_names_goes_and_a_dry_run_removes_nothing(aged: Path) -> None:
    """Of three versions, the first committed and the last here, the objects of the second go; others can be had."""
    make_outputs("first")
    commit_all()
    first, needed = read_files(), objects()
    make_outputs("second")
    second = objects() - needed
    make_outputs("third")
    third = objects() - needed - second
    dry = segline.clean()
    assert objects() == needed | second | third and dry.num_bytes > 0
    done = segline.clean(yes=True)
    assert objects() == needed | third and done.num_bytes == dry.num_bytes
    runs = [path.read_bytes() for path in CACHE.glob("runs/*/*/*")]
    assert len(runs) == 2 and not [md5 for md5 in second for run in runs if md5.encode() in run]
    check_out(first)


def test_young_objects_stay(aged: Path) -> None:
    """Within the limit nothing goes."""
    write_limits(1)
    make_outputs("first")
    make_outputs("second")
    before = objects()
    assert segline.clean(yes=True).num_bytes == 0 and objects() == before


def test_the_clone_of_scheduled_runs_counts(aged: Path) -> None:
    """A commit on a branch of the clone alone keeps its objects, and a run there holds cleaning off."""
    make_outputs("here")
    commit_all()
    subprocess.run(["git", "clone", "--quiet", ".", CLONE], check=True)
    (aged / CLONE / ".dvc/config.local").write_text(f"[cache]\n    dir = {aged / CACHE}\n")
    os.chdir(aged / CLONE)
    make_outputs("there")
    git("switch", "--quiet", "--create", "segline/runs")
    commit_all()
    there, needed = read_files(), objects_of(aged)
    git("switch", "--quiet", "--detach", "HEAD~1")
    os.chdir(aged)
    make_outputs("nobody's")
    make_outputs("last")
    segline.clean(yes=True)
    assert objects() > needed
    check_out(there)
    from pipeline.runtime.locks import held

    lock = CLONE / ".segline/run.lock"
    with (
        held(lock, StageError("held")),
        pytest.raises(StageError, match=r"segline/runs/.*run.lock: a run is under way"),
    ):
        segline.clean(yes=True)


def objects_of(project: Path) -> set[str]:
    """MD5s in the cache of a project."""
    return {f"{path.parent.name}{path.name}" for path in (project / CACHE).glob("files/md5/*/*")}


def remove_lineage() -> None:
    """Deletes the files of a registered version's run."""
    for path in Path("mlartifacts").glob("*/artifacts/lineage"):
        shutil.rmtree(path)


def change_lineage() -> None:
    """Changes the lock that a registered version's run keeps."""
    for path in Path("mlartifacts").glob("*/artifacts/lineage/dvc.lock"):
        path.write_text("stages: {}\n")


def damage_listing() -> None:
    """Changes the listing of the data set's folder."""
    for path in CACHE.glob("files/md5/*/*.dir"):
        path.chmod(0o644)
        path.write_text("[]")


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda: Path("dvc.lock").write_text("{"), "dvc.lock: .*is not YAML"),
        (remove_lineage, "segline/1: lineage/dvc.lock of its run is not there"),
        (change_lineage, "segline/1: lineage/dvc.lock of its run is not as it was registered"),
        (damage_listing, DAMAGED_LISTING),
        (lambda: Path("mlflow.db").write_text("no data base"), "MLflow at .* fails"),
        (lambda: Path(".git/shallow").write_text(git("rev-parse", "HEAD") + "\n"), "history is cut off"),
        (lambda: shutil.rmtree(".git/objects"), "is not a git repository"),
    ],
)
def test_if_something_cannot_be_read_nothing_is_removed(
    aged: Path, spoil: Callable[[], Any], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The place says why; its objects stay."""
    make_outputs("first")
    commit_all()
    register_lineage()
    make_outputs("second")
    make_outputs("third")
    before = objects()
    spoil()
    try:
        text = cache_problem()
    except StageError as err:
        text = str(err)
    assert re.search(problem, text)
    assert objects() == before


def test_a_cache_that_others_may_share_is_left_alone(aged: Path, tmp_path: Path) -> None:
    """A cache outside of the project is not cleaned."""
    (aged / ".dvc/config.local").write_text(f"[cache]\n    dir = {tmp_path / 'shared'}\n")
    make_outputs("first")
    make_outputs("second")
    assert "outside of this project" in cache_problem()
    assert len(list((tmp_path / "shared").rglob("*"))) > 4


def test_objects_that_files_here_link_to_stay(aged: Path) -> None:
    """With links in place of copies, a data set that no file of DVC names any more is not taken away."""
    (aged / ".dvc/config.local").write_text("[cache]\n    type = symlink\n")
    make_outputs("first")
    Path("data.dvc").unlink()
    Path("dvc.lock").unlink()
    segline.clean(yes=True)
    assert Path("data/a").read_text() == "a first"
