"""Tests of the folder in which a version is made again; tests/e2e/test_whole.py makes one again whole."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import EvidenceError, RepositoryError
from pipeline.provenance.environment import parse_freeze
from pipeline.provenance.registered import FREEZE, PARAMS_FILE, Registered
from pipeline.registry.lineage import read_data_version
from pipeline.repository.git import git
from pipeline.reproduction.rebuild import PLACE, check_out, finish, list_other_packages

pytestmark = pytest.mark.services
ZEROS = "0" * 40


def test_commit_data_and_params_are_those_of_the_version(champion: Registered) -> None:
    """Whatever the project has now; dvc.lock is left out, so that every stage runs, unless a stopped one goes on."""
    Path("params.yaml").rename("params.now")
    Path("params.yaml").write_text("others\n")
    try:
        folder = check_out(champion)
        assert folder.parent == PLACE.absolute()
        assert git("rev-parse", "HEAD", folder=folder) == champion.values["git_commit"]
        assert (folder / "params.yaml").read_bytes() == Path("params.now").read_bytes()
        assert sorted(path.name for path in (folder / "data/images").iterdir()) == sorted(
            path.name for path in Path("data/images").iterdir()
        )
        assert read_data_version(folder / "data.dvc")[1] == champion.values["data_md5"]
        assert not (folder / "dvc.lock").exists()
        (folder / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
        assert check_out(champion) == folder and not (folder / "work/train").exists()
        assert Path("dvc.lock").read_text() != (folder / "dvc.lock").read_text()
        finish(folder)
        assert check_out(champion) == folder and not (folder / "dvc.lock").exists()
    finally:
        Path("params.now").replace("params.yaml")
        shutil.rmtree(PLACE)


def test_what_is_not_as_registered_is_not_made_again(champion: Registered) -> None:
    """Changed params and a commit that is nowhere end before anything is run."""
    changed = replace(champion, found=dict(champion.found) | {PARAMS_FILE: ZEROS})
    changed.__dict__["commit_files"] = None
    with pytest.raises(EvidenceError, match=r"segline/1: its lineage/params.yaml is not as registered; "):
        check_out(changed)
    lost = replace(champion, claims=dict(champion.claims) | {"git_commit": {"its own tags": ZEROS}})
    with pytest.raises(RepositoryError, match="git .* says: .*; fetch that commit first"):
        check_out(lost)
    shutil.rmtree(PLACE)


def test_other_packages_are_named(champion: Registered) -> None:
    """A package of another version, or none; how a name is written does not count, nor does segline itself."""
    installed = parse_freeze((champion.folder / FREEZE).read_text())
    assert list_other_packages(champion, installed) == []
    spelt = {name.upper().replace("-", "_"): version for name, version in installed.items() if name != "segline"}
    assert list_other_packages(champion, spelt) == []
    assert list_other_packages(champion, installed | {"numpy": "0"}) == [
        f"numpy 0, registered with {installed['numpy']}"
    ]
    del installed["numpy"]
    (phrase,) = list_other_packages(champion, installed)
    assert phrase.startswith("numpy is not installed, registered with ")
