"""Tests of reading DVC's cache and remote."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from pipeline.dataset.versions import add_data
from pipeline.disk.files import md5_of
from pipeline.errors import StageError
from pipeline.provenance.stores import CACHE, REMOTE, Held, Stores, opened_stores
from tests.finished_project import write_data
from tests.provenance_project import change_byte

pytestmark = pytest.mark.services

BUCKET = "store"
CONFIG = "[core]\n    remote = far\n    autostage = false\n['remote \"far\"']\n    url = {url}\n"


@pytest.fixture(autouse=True)
def data_md5(project: Path) -> str:
    """The MD5 of a data set that DVC's cache holds."""
    write_data(Path("data"))
    return add_data()


def objects() -> list[Path]:
    """The files of the cache: listing of the data set and its files."""
    return sorted(path for path in Path(".dvc/cache/files/md5").rglob("*") if path.is_file())


def test_the_cache(data_md5: str) -> None:
    """All files of a folder are hashed, and one of them by itself."""
    number = len([path for path in Path("data").rglob("*") if path.is_file()])
    with opened_stores() as stores:
        assert stores.find(data_md5, "data") == Held((CACHE,), number)
        assert str(stores.find(md5_of(Path("data/images/0.png")), "0.png")) == f"1 file in {CACHE}"
        assert stores.find("0" * 32, "other") is None and stores.find("../../x", "other") is None


def test_a_damaged_listing(data_md5: str) -> None:
    """A folder's list with another MD5 is damaged itself; nothing of it is believed."""
    change_byte(next(path for path in objects() if path.suffix == ".dir"))
    with opened_stores() as stores:
        assert stores.find(data_md5, "data") == Held((CACHE,), 1, damaged=("data",))


def test_a_remote(data_md5: str, s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the cache lacks is read from the remote and hashed there; a damaged object is named by its file."""
    s3.create_bucket(Bucket=BUCKET)
    Path("aws").touch()
    monkeypatch.setenv("AWS_CONFIG_FILE", str(Path("aws").absolute()))  # DVC refuses /dev/null
    Path(".dvc/config.local").write_text(CONFIG.format(url=f"s3://{BUCKET}/x"))
    for path in objects():
        s3.upload_file(str(path), BUCKET, f"x/{path.relative_to('.dvc/cache').as_posix()}")
    image = md5_of(Path("data/images/1.png"))
    shutil.rmtree(f".dvc/cache/files/md5/{image[:2]}")
    with opened_stores() as stores:
        assert stores.find(data_md5, "data").places == (CACHE, REMOTE)  # type: ignore[union-attr]
        s3.put_object(Bucket=BUCKET, Key=f"x/files/md5/{image[:2]}/{image[2:]}", Body=b"other")
        assert stores.find(data_md5, "data").damaged == ("images/1.png",)  # type: ignore[union-attr]
        s3.delete_object(Bucket=BUCKET, Key=f"x/files/md5/{image[:2]}/{image[2:]}")
        assert stores.find(data_md5, "data").missing == ("images/1.png",)  # type: ignore[union-attr]


def test_a_remote_that_cannot_be_used(data_md5: str) -> None:
    """The message says what failed."""
    Path(".dvc/config.local").write_text(CONFIG.format(url="gs://x"))
    with pytest.raises(StageError, match="DVC's store cannot be read: .*gs.*; fix that"), opened_stores():
        pass


def test_a_folder_without_dvc(data_md5: str) -> None:
    """Without DVC there are no stores."""
    shutil.rmtree(".dvc")
    with opened_stores() as stores:
        assert stores == Stores({}) and stores.find(data_md5, "data") is None and stores.list_files(data_md5) == {}
