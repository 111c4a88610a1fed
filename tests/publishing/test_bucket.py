"""Tests of publications in an object store that fails."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import StorageError
from pipeline.publishing.bucket import Bucket
from tests.flaky_s3 import flaky_server
from tests.publications import MODEL, publish_files, read_all, write_files

pytestmark = pytest.mark.services


@pytest.mark.e2e
def test_a_server_that_fails_now_and_then_is_asked_again(
    s3_server: str, s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of its answers many are errors or break off; what is published is whole all the same."""
    s3.create_bucket(Bucket="flaky")
    model = write_files(tmp_path / "model", "one")
    with flaky_server(s3_server, ["503", "", "cut", "", "500", "", "half", ""]) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        assert publish_files("s3://flaky/p", model, 3) == ("published", ())
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    assert publish_files("s3://flaky/p", model, 3) == ("unchanged", ())


@pytest.mark.e2e
@pytest.mark.parametrize(("fault", "says"), [("500", r"answered .*\(500\)"), ("cut", "cannot be reached")])
def test_a_server_that_always_fails_is_named(
    fault: str, says: str, s3_server: str, s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After three attempts, in one sentence; what was uploaded before cannot be loaded."""
    s3.create_bucket(Bucket="broken")
    model = write_files(tmp_path / "model", "one")
    faults = ["", "", "", *[fault] * 9]  # two uploads work
    with flaky_server(s3_server, faults) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        with pytest.raises(StorageError, match=f"s3://broken/{fault}/segline: {address} {says}") as caught:
            publish_files(f"s3://broken/{fault}", model, 3)
    assert "\n" not in str(caught.value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    left = read_all(Bucket(f"s3://broken/{fault}", MODEL))
    assert 0 < len(left) < 5 and "3/saved_model.pb" not in left
    assert publish_files(f"s3://broken/{fault}", model, 3) == ("repaired", ())


def test_a_missing_bucket_is_named(s3: Any, tmp_path: Path) -> None:
    """With what to correct."""
    with pytest.raises(StorageError, match="s3://nobody/p/segline: .* has no such bucket; correct the name"):
        publish_files("s3://nobody/p", write_files(tmp_path / "model", "one"), 3)


def test_a_key_that_is_no_path_stays_a_key(s3: Any, tmp_path: Path) -> None:
    """Objects of others with odd keys are neither read nor removed."""
    s3.create_bucket(Bucket="odd")
    keys = {f"p/segline/{key}" for key in ("../1/saved_model.pb", "1/", "1//x", "/2/x", "x", "007/assets.extra/y")}
    for key in keys:
        s3.put_object(Bucket="odd", Key=key, Body=b"x")
    assert publish_files("s3://odd/p", write_files(tmp_path / "model", "one"), 8, keep=1) == ("published", ())
    found = s3.list_objects_v2(Bucket="odd")["Contents"]
    assert keys < {item["Key"] for item in found}
