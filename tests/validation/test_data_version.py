"""Tests of comparing a data set with its version."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.dataset.versions import Version, add_data, read_version
from pipeline.validation.data_version import version_rows

DATA = Path("data")


@pytest.fixture(autouse=True)
def _tracked(project: Path) -> None:
    """A data set of four files, one of which `.dvcignore` names, under DVC."""
    (project / ".dvcignore").write_text("*.tmp\n")
    (DATA / "images").mkdir(parents=True)
    for name in ("a", "b", "c", "d.tmp"):
        (DATA / "images" / name).write_text(name)
    add_data()


def states(known_md5: dict[str, str] | None = None) -> dict[str, str]:
    """State of each file by its name."""
    return {Path(row["path"]).name: row["state"] for row in version_rows(version(), known_md5 or {})}


def version() -> Version:
    """The version of the data set."""
    ours = read_version()
    assert ours and ours.files and ours.cache
    return ours


def test_each_file_is_compared() -> None:
    """Changed, missing and new files are reported; files that DVC leaves out are left out."""
    assert states() == {"a": "as versioned", "b": "as versioned", "c": "as versioned"}
    (DATA / "images/a").write_text("other")
    (DATA / "images/b").unlink()
    (DATA / "images/e").touch()
    assert states() == {"a": "changed", "b": "missing", "c": "as versioned", "e": "new"}


def test_what_was_read_anyway_is_not_read_again() -> None:
    """The MD5s that are known count."""
    assert states({"images/a": "another"})["a"] == "changed"


def test_a_file_is_hashed_whatever_dvc_has_noted() -> None:
    """A bit that flips in place changes neither size nor time."""
    before = (DATA / "images/a").stat()
    (DATA / "images/a").write_text("A")
    os.utime(DATA / "images/a", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert states()["a"] == "changed"


def test_what_to_do_follows_from_the_copy(tmp_path: Path) -> None:
    """A sound copy in DVC's cache is given back by checkout; a damaged one has to go first, whatever its path."""
    (DATA / "images/a").write_text("other")
    ours = replace(version(), cache=tmp_path / "{cache}")
    copy = ours.path_in_cache(version().files["images/a"])  # type: ignore[index]
    assert copy
    assert "delete it and get it back with `dvc checkout data`" in version_rows(ours, {})[0]["advice"]
    copy.parent.mkdir(parents=True)
    copy.write_text("damaged")
    assert f"delete it and {copy}, then `dvc pull`" in version_rows(ours, {})[0]["advice"]


@pytest.mark.parametrize("content", [None, b"[]", b"{", b"[1]", b"\xff"])
def test_without_the_list_of_files_the_whole_is_compared(content: bytes | None) -> None:
    """The cache may be empty after a clone, or its list damaged."""
    listing = version().path_in_cache(version().md5)
    assert listing
    listing.chmod(0o644)
    listing.unlink()
    if content is not None:
        listing.write_bytes(content)
    ours = read_version()
    assert ours and ours.files is None
    assert [(row["path"], row["state"]) for row in version_rows(ours, {})] == [("data", "as versioned")]
    (DATA / "images/a").write_text("other")
    (row,) = version_rows(ours, {})
    assert row["state"] == "changed" and "keep it with `dvc add data`; if not, get the version back" in row["advice"]
