"""Tests of downloads from an object store, against a real server on this machine."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import StageError, StorageError
from pipeline.object_store.download import FILES, INDEX, _download, _place, mirror
from pipeline.object_store.store import Store, Stored

pytestmark = pytest.mark.services

PNG = (".png",)
MAX_BYTES = 100
KEYS = (
    "set/a.png",
    "set/sub/b.PNG",
    "set/notes.txt",
    "set2/c.png",
    "set/",
    "odd/../../d.png",
    "x/e.png/f.png",
    "x/e.png",
    "twice/a.png",
    "twice/sub//b.png",
    "twice/sub/b.png",
    "case/a.png",
    "case/A.png",
    "root//etc/a.png",
    "plain/a\\..\\b.png",
    "plain/c.png/",
)


@pytest.fixture(autouse=True)
def _bucket(s3: Any) -> None:
    """Filled with the same objects for each test."""
    s3.create_bucket(Bucket="photos")
    for item in s3.list_objects_v2(Bucket="photos").get("Contents", ()):
        s3.delete_object(Bucket="photos", Key=item["Key"])
    for key in KEYS:
        s3.put_object(Bucket="photos", Key=key, Body=key.encode())


def test_a_prefix_becomes_a_folder(tmp_path: Path) -> None:
    """Paths below it are kept; other prefixes that begin alike and other files are left out."""
    folder, number = mirror("s3://photos/set", tmp_path / "new", PNG, MAX_BYTES)
    assert number == 2
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    assert files.keys() == {"a.png", "sub/b.PNG"}
    assert files["sub/b.PNG"].read_text() == "set/sub/b.PNG"


def test_a_key_is_a_name_and_nothing_more(tmp_path: Path) -> None:
    """A backslash is a character of it; a folder's own entry is not a file."""
    folder, _ = mirror("s3://photos/plain", tmp_path / "new", PNG, MAX_BYTES)
    assert [path.name for path in folder.iterdir()] == ["a\\..\\b.png"]


def test_a_key_that_no_file_can_have_is_refused(tmp_path: Path) -> None:
    """Servers take a zero byte, file systems do not."""
    with pytest.raises(StorageError, match="leads out of the folder; rename it in the store"):
        _place(tmp_path, "a\0.png", "")


def test_too_much_is_refused_before_it_is_downloaded(s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One object above the limit, or more than the disk has room for."""
    s3.put_object(Bucket="photos", Key="set/large.png", Body=b"x" * 101)
    with pytest.raises(StorageError, match=r"object 'large.png' has 0.0 MB, the limit is 0.0 MB \(objects above it: 1"):
        mirror("s3://photos/set", tmp_path / "new", PNG, MAX_BYTES)
    free = shutil.disk_usage(tmp_path).free
    monkeypatch.setattr(Store, "list_objects", lambda _: {"a.png": Stored(2 * free, "e"), "b.png": Stored(5, "f")})
    with pytest.raises(StageError, match=r"no space left on the disk: [\d,.]+ MB are needed, [\d,.]+ MB are free"):
        mirror("s3://photos/set", tmp_path / "other", PNG, 3 * free)
    assert not list(tmp_path.rglob("*.png"))


def test_an_object_that_changes_meanwhile_is_refused(s3: Any, tmp_path: Path) -> None:
    """What was listed is what is downloaded."""
    with pytest.raises(StorageError, match=r"'set/a.png' changed during the download: 5 bytes were listed, 9 came"):
        _download(Store("s3://photos/set"), "a.png", tmp_path / "a.png", Stored(5, "e"))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("s3://nobody/set", "s3://nobody/set: http://127.0.0.1:.* has no such bucket; correct the name"),
        ("s3://photos/empty", "s3://photos/empty: found nothing with .png; correct the bucket or the prefix"),
        ("s3://photos/odd", "'odd/../../d.png' leads out of the folder; rename it"),
        ("s3://photos/root", "'root//etc/a.png' leads out of the folder; rename it"),
        ("s3://photos/twice", "objects 'twice/sub//b.png' and 'twice/sub/b.png' would be one file; rename one"),
        ("s3://photos/case", "objects 'case/A.png' and 'case/a.png' would be one file; rename one in the store"),
        ("s3://photos/x", "s3://photos/x: cannot be stored in .* rename the object"),
    ],
)
def test_what_is_wrong_in_the_store_is_named(tmp_path: Path, url: str, message: str) -> None:
    """A missing bucket, an empty prefix, and keys that are not paths."""
    with pytest.raises(StorageError, match=message):
        mirror(url, tmp_path / "new", PNG, MAX_BYTES)
    assert not (tmp_path.parent / "d.png").exists()


def test_only_what_is_new_is_downloaded(s3: Any, tmp_path: Path) -> None:
    """A changed object comes again, a removed one goes, and so does a file that is not what came."""
    folder, number = mirror("s3://photos/set", tmp_path, PNG, MAX_BYTES)
    assert number == 2 and mirror("s3://photos/set", tmp_path, PNG, MAX_BYTES) == (folder, 0)
    s3.put_object(Bucket="photos", Key="set/a.png", Body=b"other")
    s3.put_object(Bucket="photos", Key="set/n/new.png", Body=b"new")
    (folder / "sub/b.PNG").write_bytes(b"set/sub/b.png")
    (folder / "stray.png").write_bytes(b"nobody's")
    assert mirror("s3://photos/set", tmp_path, PNG, MAX_BYTES)[1] == 3
    assert (folder / "a.png").read_bytes() == b"other" and (folder / "sub/b.PNG").read_bytes() == b"set/sub/b.PNG"
    s3.delete_object(Bucket="photos", Key="set/sub/b.PNG")
    assert mirror("s3://photos/set", tmp_path, PNG, MAX_BYTES)[1] == 0
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*")) == ["a.png", "n", "n/new.png"]


@pytest.mark.parametrize("damage", ["", "cut", "[1]\n", "[]\n", '["a.png", "e", 5]\n', "\xff\xfe"])
def test_a_damaged_index_costs_a_download(tmp_path: Path, damage: str) -> None:
    """What it does not hold comes again; a line that was cut short by a kill is none."""
    folder, _ = mirror("s3://photos/set", tmp_path, PNG, MAX_BYTES)
    (tmp_path / INDEX).write_text(damage, encoding="latin-1")
    assert folder == tmp_path / FILES and mirror("s3://photos/set", tmp_path, PNG, MAX_BYTES)[1] == 2
    assert mirror("s3://photos/set", tmp_path, PNG, MAX_BYTES)[1] == 0
