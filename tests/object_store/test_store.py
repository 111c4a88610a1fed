"""Tests of the door to object stores, against a real server on this machine."""

import hashlib
import time
import urllib.request
from math import inf
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import StorageError
from pipeline.object_store.store import Store, is_url, split_url
from tests.flaky_s3 import flaky_server

pytestmark = pytest.mark.services

CLOSED = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def _bucket(s3: Any) -> None:
    """Empty at the first test, and there in each."""
    s3.create_bucket(Bucket="photos")


def test_urls_are_taken_apart() -> None:
    """Bucket and prefix; a slash more or less does no harm."""
    assert split_url("s3://b") == split_url("s3://b/") == ("b", "")
    assert split_url("s3://b/p/q") == split_url("s3://b/p/q/") == ("b", "p/q/")
    assert is_url("s3://b") and not is_url("images")
    with pytest.raises(StorageError, match="expected s3://bucket/prefix"):
        split_url("s3:///p")


def test_an_object_is_written_read_and_deleted(tmp_path: Path) -> None:
    """Keys are those below the prefix; what is not there has no content and no hash, and is deleted twice."""
    (tmp_path / "file").write_bytes(b"content")
    store = Store("s3://photos/one")
    store.upload(tmp_path / "file", "a/b")
    assert store.list_keys() == store.list_keys("a/") == ["a/b"] and Store("s3://photos/on").list_keys() == []
    assert store.read("a/b", 100) == b"content" and store.read("a/b", 3) == b"con"
    assert store.sha256_of("a/b") == hashlib.sha256(b"content").hexdigest()
    store.download("a/b", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"content"
    for _ in range(2):
        store.delete("a/b")
    assert (store.list_keys(), store.read("a/b", 100), store.sha256_of("a/b")) == ([], b"", "")


@pytest.mark.e2e
def test_an_unreachable_server_is_named_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says where it was looked for."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", CLOSED)
    started = time.monotonic()
    with pytest.raises(StorageError, match=f"{CLOSED} cannot be reached: .*; check AWS_ENDPOINT_URL and the network"):
        Store("s3://photos/set").list_keys()
    assert time.monotonic() - started < 10


def test_an_address_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A typo in the environment gives no traceback."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "not an address")
    with pytest.raises(StorageError, match="not an address cannot be reached: Invalid endpoint"):
        Store("s3://photos/set").list_keys()


def test_missing_credentials_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the variables to set."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(
        StorageError, match="no credentials for http.*; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    ):
        Store("s3://photos/set").list_keys()


def test_wrong_credentials_are_named(s3_server: str) -> None:
    """The server checks them here, and the message says so."""
    _check_credentials_after(s3_server, "0")
    try:
        with pytest.raises(
            StorageError, match=r"refuses these credentials \(InvalidAccessKeyId\); check AWS_ACCESS_KEY_ID"
        ):
            Store("s3://photos/set").list_keys()
    finally:
        _check_credentials_after(s3_server, "inf")


def _check_credentials_after(server: str, num_requests: str) -> None:
    text = {"Content-Type": "text/plain"}
    request = urllib.request.Request(f"{server}/moto-api/reset-auth", num_requests.encode(), text, method="POST")
    with urllib.request.urlopen(request):
        pass


def test_a_listing_tells_what_changed(s3: Any) -> None:
    """New, changed and removed objects give another hash, what is beside the prefix does not; an empty one is old."""
    seen = [Store("s3://photos/new").listing()]
    assert (seen[0].num_objects, seen[0].age_s) == (0, inf)
    for key, body in (("new/a", b"1"), ("new/b", b"1"), ("new/a", b"2"), ("new/a", None)):
        if body is None:
            s3.delete_object(Bucket="photos", Key=key)
        else:
            s3.put_object(Bucket="photos", Key=key, Body=body)
        s3.put_object(Bucket="photos", Key="newer/a", Body=b"beside")
        assert Store("s3://photos/new").listing().sha256 == (now := Store("s3://photos/new/").listing()).sha256
        seen.append(now)
    assert [one.num_objects for one in seen] == [0, 1, 2, 2, 1]
    assert len({one.sha256 for one in seen}) == 5
    assert all(0 <= one.age_s < 60 for one in seen[1:])
    with pytest.raises(StorageError, match="s3://nobody/set: .* has no such bucket"):
        Store("s3://nobody/set").listing()


@pytest.mark.e2e
def test_an_answer_that_breaks_off_is_read_again(
    s3_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hash is that of the whole content, without a part that came twice."""
    (tmp_path / "file").write_bytes(bytes(range(256)) * 4096)
    Store("s3://photos/half").upload(tmp_path / "file", "a")
    with flaky_server(s3_server, ["", "half"]) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        store = Store("s3://photos/half")
        assert {store.sha256_of("a") for _ in range(2)} == {
            hashlib.sha256((tmp_path / "file").read_bytes()).hexdigest()
        }
