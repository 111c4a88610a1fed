"""Tests of `segline diff`, with git and DVC themselves."""

import subprocess
from pathlib import Path

import pytest

import segline
from pipeline.disk.files import remove
from pipeline.errors import DataError, RegistryError, RepositoryError, StageError
from pipeline.registry.client import create_entry, list_versions, set_alias
from pipeline.steps.diff import DIFF, diff, find_data_md5, show
from tests.changes.two_versions import commit_data, relabel
from tests.finished_project import use_registry

pytestmark = pytest.mark.services


def test_tables_of_what_changed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Numbers by split, relabelled samples, shares, moved groups, and where the files are; data/ is not touched."""
    commit_data(project)
    relabel("s007", rows=20)
    table = Path("data/samples.csv").read_text()
    Path("data/samples.csv").write_text(table.replace("s008,s008,test", "s008,s008,train"))
    found = segline.diff()
    show(found)
    out = capsys.readouterr().out
    assert [change.change for change in found.comparison.changes] == ["relabelled", "moved group"]
    assert "data at HEAD: " in out and "ground -> sign" in out and "1 group moved from test to train: s008" in out
    assert found.overlays == DIFF / "overlays.jpg" and found.overlays.is_file() and (DIFF / "classes.csv").is_file()
    assert subprocess.run(["git", "diff", "--quiet"], check=False).returncode == 0


def test_nothing_changed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """There are no overlays then, those of a former call are removed."""
    commit_data(project)
    relabel("s007")
    segline.diff()
    subprocess.run(["dvc", "checkout", "--force", "--quiet"], check=True)
    show(segline.diff("HEAD"))
    assert "no sample, label, group or class differs" in capsys.readouterr().out
    assert not (DIFF / "overlays.jpg").exists()


def test_a_version_is_named_by_a_revision_or_a_registered_version(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The champion's data are found by the tag of its version."""
    use_registry(tmp_path, monkeypatch)
    first = commit_data(project)
    second = commit_data(project, num_train=4)
    assert (find_data_md5("HEAD"), find_data_md5("HEAD~1")) == (second, first)
    create_entry("segline", "nowhere", {"data_md5": first}, "", "")
    set_alias("champion", list_versions()[0])
    assert find_data_md5("champion") == find_data_md5("segline/1") == first
    added = [one.name for one in diff("@champion").comparison.changes if one.change == "added"]
    assert added == ["s009"]


def test_what_cannot_be_found_is_named(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Revisions, versions, commits without data, files that the cache lacks."""
    use_registry(tmp_path, monkeypatch)
    with pytest.raises(RegistryError, match="'HEAD' is not a revision of git, and as a version of the model: "):
        find_data_md5("HEAD")
    subprocess.run(["git", "commit", "--quiet", "--allow-empty", "--message", "no data"], check=True)
    with pytest.raises(DataError, match=r"'HEAD' has no data.dvc, so no version of the data; `git log --all"):
        find_data_md5("HEAD")
    commit_data(project)
    with pytest.raises(RepositoryError, match=r"'a\.\.b': is not a revision of git and not a registered version; name"):
        find_data_md5("a..b")
    create_entry("segline", "nowhere", {}, "", "")
    with pytest.raises(DataError, match="segline/1: its tags name no version of the data"):
        find_data_md5("segline/1")
    remove(Path(".dvc/cache"))
    with pytest.raises(StageError, match="`dvc fetch --all-commits data.dvc` gets all versions"):
        diff("HEAD")
    Path("data.dvc").write_text("outs: {\n")
    subprocess.run(["git", "commit", "--quiet", "--all", "--message", "broken"], check=True)
    with pytest.raises(DataError, match="data.dvc at 'HEAD': .*; compare with another revision"):
        find_data_md5("HEAD")
