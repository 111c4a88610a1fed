"""Tests of the door to object stores, against a real server on this machine."""

import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import StorageError
from pipeline.importers import object_store as storage
from pipeline.importers.object_store import download_folder, is_url, split_url

pytestmark = pytest.mark.services

PNG = (".png",)
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
CLOSED = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def _bucket(s3: Any) -> None:
    """Filled with the same objects for each test."""
    s3.create_bucket(Bucket="photos")
    for key in KEYS:
        s3.put_object(Bucket="photos", Key=key, Body=key.encode())


def test_a_prefix_becomes_a_folder(tmp_path: Path) -> None:
    """Paths below it are kept; other prefixes that begin alike and other files are left out."""
    assert download_folder("s3://photos/set", tmp_path / "new", PNG) == 2
    files = {path.relative_to(tmp_path / "new").as_posix(): path for path in tmp_path.rglob("*") if path.is_file()}
    assert files.keys() == {"a.png", "sub/b.PNG"}
    assert files["sub/b.PNG"].read_text() == "set/sub/b.PNG"


def test_a_key_is_a_name_and_nothing_more(tmp_path: Path) -> None:
    """A backslash is a character of it; a folder's own entry is not a file."""
    assert download_folder("s3://photos/plain", tmp_path / "new", PNG) == 1
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a\\..\\b.png"]


def test_a_key_that_no_file_can_have_is_refused(tmp_path: Path) -> None:
    """Servers take a zero byte, file systems do not."""
    with pytest.raises(StorageError, match="leads out of the folder; rename it in the store"):
        storage._place(tmp_path, "a\0.png", "")


def test_urls_are_taken_apart() -> None:
    """Bucket and prefix; a slash more or less does no harm."""
    assert split_url("s3://b") == split_url("s3://b/") == ("b", "")
    assert split_url("s3://b/p/q") == split_url("s3://b/p/q/") == ("b", "p/q/")
    assert is_url("s3://b") and not is_url("images")
    with pytest.raises(StorageError, match="expected s3://bucket/prefix"):
        split_url("s3:///p")


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
        download_folder(url, tmp_path / "new", PNG)
    assert not (tmp_path.parent / "d.png").exists()


@pytest.mark.e2e
def test_an_unreachable_server_is_named_within_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says where it was looked for."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", CLOSED)
    started = time.monotonic()
    with pytest.raises(StorageError, match=f"{CLOSED} cannot be reached: .*; check AWS_ENDPOINT_URL and the network"):
        download_folder("s3://photos/set", tmp_path / "new", PNG)
    assert time.monotonic() - started < 10


def test_an_address_that_is_none_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A typo in the environment gives no traceback."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "not an address")
    with pytest.raises(StorageError, match="not an address cannot be reached: Invalid endpoint"):
        download_folder("s3://photos/set", tmp_path / "new", PNG)


def test_missing_credentials_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the variables to set."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(
        StorageError, match="no credentials for http.*; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    ):
        download_folder("s3://photos/set", tmp_path / "new", PNG)


def test_wrong_credentials_are_named(s3_server: str, tmp_path: Path) -> None:
    """The server checks them here, and the message says so."""
    _check_credentials_after(s3_server, "0")
    try:
        with pytest.raises(
            StorageError, match=r"refuses these credentials \(InvalidAccessKeyId\); check AWS_ACCESS_KEY_ID"
        ):
            download_folder("s3://photos/set", tmp_path / "new", PNG)
    finally:
        _check_credentials_after(s3_server, "inf")


def _check_credentials_after(server: str, num_requests: str) -> None:
    text = {"Content-Type": "text/plain"}
    request = urllib.request.Request(f"{server}/moto-api/reset-auth", num_requests.encode(), text, method="POST")
    with urllib.request.urlopen(request):
        pass
