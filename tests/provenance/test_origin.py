"""Tests of comparing what a version was made from; `test_verification.py` changes each thing."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.disk.files import md5_of
from pipeline.provenance.origin import compare_commit, compare_data, compare_environment, compare_outputs
from pipeline.provenance.registered import Registered
from pipeline.registry.lineage import LockedFile, LockedStage

pytestmark = pytest.mark.services


def with_stage(champion: Registered, stage: LockedStage) -> Registered:
    """The version with one stage in its lock."""
    changed = replace(champion)
    changed.__dict__["stages"] = {"train": stage}
    return changed


def test_the_place_is_named(champion: Registered) -> None:
    """Rows say where data and outputs were looked at."""
    (row,) = compare_data(champion)
    assert row.found == "data here"
    assert {row.found for row in compare_outputs(champion)} == {f"work/{name} here" for name in champion.stages or {}}


def test_code_that_the_commit_lacks(champion: Registered) -> None:
    """Code in the lock that the commit does not have in this form is named."""
    deps = [LockedFile(path="pipeline/code.py", md5="0" * 32), LockedFile(path="data", md5="1" * 32)]
    rows = {row.what: row for row in compare_commit(with_stage(champion, LockedStage(cmd="x", deps=deps)))}
    assert rows["code"].state == "differs" and rows["code"].found.startswith("pipeline/code.py is ")


def test_a_path_from_the_registry_is_not_followed(champion: Registered) -> None:
    """An output is looked for in `work/` by name; a path that leads elsewhere is nowhere."""
    outside = Path("..", Path.cwd().name, "params.yaml")
    outs = [LockedFile(path=str(outside), md5=md5_of(outside)), LockedFile(path="/etc/passwd", md5="0" * 32)]
    rows = list(compare_outputs(with_stage(champion, LockedStage(cmd="x", outs=outs))))
    assert [row.state for row in rows] == ["missing", "missing"]


def test_packages_of_other_versions(champion: Registered, tmp_path: Path) -> None:
    """A package that was not installed as locked is named with both versions."""
    shutil.copytree(champion.folder, tmp_path / "run")
    (tmp_path / "run/lineage/requirements.lock").write_text("numpy==0.1\n")
    (row,) = compare_environment(replace(champion, folder=tmp_path / "run"))
    assert row.state == "differs" and "locked is 0.1" in row.found and "make install" in row.todo
