"""Tests of pipeline/changes/snapshot.py, with DVC itself."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.changes.snapshot import read_snapshot
from pipeline.dataset.versions import Version, read_version
from pipeline.disk.files import md5_of
from pipeline.errors import DataError, StageError
from tests.changes.two_versions import SHARES, commit_data, read_both
from tests.drawn_data import CLASSES

pytestmark = pytest.mark.services


def test_a_version_in_the_cache_is_the_folder(project: Path) -> None:
    """Classes, MD5s, groups and splits are those of the data folder, and the files lie in the cache."""
    md5 = commit_data(project)
    (project / "data/images/note.txt").write_text("no sample")
    before, after = read_both()
    assert before.md5 == md5 != after.md5 and before.classes == after.classes == CLASSES
    assert [*before.samples] == [*after.samples] == [f"s{number:03}" for number in range(9)]
    one, same = before.samples["s008"], after.samples["s008"]
    assert (one.split, one.is_frozen, one.group, one.mask_md5) == (
        "test",
        True,
        "s008",
        md5_of(Path("data/masks/s008.png")),
    )
    assert same.mask == Path("data/masks/s008.png") and one == replace(same, image=one.image, mask=one.mask)
    assert one.mask and one.mask.is_relative_to(project / ".dvc/cache") and md5_of(one.mask) == one.mask_md5


def test_without_a_table_a_hash_places_samples(project: Path) -> None:
    """The same sample is in the same split in both versions."""
    commit_data(project)
    (project / "data/samples.csv").unlink()
    after = read_both()[1]
    assert {one.group for one in after.samples.values()} == {*after.samples}
    assert not any(one.is_frozen for one in after.samples.values())


def test_what_the_cache_lacks_is_named_with_the_command_that_fetches(project: Path) -> None:
    """The list of a version, or its class list."""
    md5 = commit_data(project)
    version = read_version()
    assert version and version.cache and version.files
    with pytest.raises(
        StageError, match=rf"list of the files of data version {md5}; `dvc fetch --all-commits data.dvc`"
    ):
        read_snapshot(Version(md5, None, version.cache), *SHARES)
    (version.path_in_cache(version.files["dataset.yaml"]) or Path()).unlink()
    with pytest.raises(StageError, match=rf"dataset.yaml of data version {md5} is not in DVC's cache; `dvc fetch"):
        read_snapshot(version, *SHARES)
    with pytest.raises(DataError, match="dataset.yaml: is not in data version"):
        read_snapshot(Version(md5, {}, version.cache), *SHARES)
