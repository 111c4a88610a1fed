"""Tests of comparing what is published with its record and signature."""

from pathlib import Path

import minisign
import pytest

from pipeline.errors import StorageError
from pipeline.publishing.check import Row, check_publication
from pipeline.publishing.place import hash_file
from pipeline.publishing.record import GRAPH, RECORD, SIGNATURE
from tests.publications import MODEL, NAMES, publish_files, write_files


@pytest.fixture
def served(tmp_path: Path) -> Path:
    """The folder of publication 3, the newest of two."""
    for number in (1, 3):
        publish_files(str(tmp_path / "served"), write_files(tmp_path / "model", "one"), number)
    return tmp_path / "served" / MODEL / "3"


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> minisign.KeyPair:
    """A pair of keys in files that the environment names."""
    pair = minisign.KeyPair.generate()
    (tmp_path / "key").touch(0o600)
    (tmp_path / "key").write_bytes(bytes(pair.secret_key))
    (tmp_path / "key.pub").write_bytes(bytes(pair.public_key))
    monkeypatch.setenv("SEGLINE_SIGNING_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("SEGLINE_PUBLIC_KEY_FILE", str(tmp_path / "key.pub"))
    return pair


def wrong_rows(served: Path, number: int | None = None) -> list[Row]:
    """The rows of what is not as it was published."""
    return [row for row in check_publication(str(served.parents[1]), MODEL, number) if not row.is_right]


def test_a_whole_publication_has_a_row_for_each_file(served: Path) -> None:
    """All of them are right; the newest one is compared unless another is named."""
    rows = check_publication(str(served.parents[1]), MODEL)
    assert [row.what for row in rows] == ["number of the ledger's line", *(f"3/{name}" for name in sorted(NAMES))]
    assert not wrong_rows(served) and not wrong_rows(served, 1)


@pytest.mark.parametrize("name", NAMES)
def test_a_changed_byte_is_named(served: Path, name: str) -> None:
    """With the hash that was expected and the one that was found; another publication is not the worse for it."""
    expected = hash_file(served / name)
    content = bytearray((served / name).read_bytes())
    content[-1] ^= 1
    (served / name).write_bytes(content)
    assert wrong_rows(served) == [Row(f"3/{name}", expected, hash_file(served / name))]
    assert not wrong_rows(served, 1)


def test_files_that_are_missing_or_were_added_are_named(served: Path) -> None:
    """A link in the place of a file is not the file."""
    (served / GRAPH).unlink()
    (served / "assets.extra/saved_model_config.pb").write_text("mine")
    target = served.parents[2] / "target"
    (served / NAMES[1]).rename(target)
    (served / NAMES[1]).symlink_to(target)
    found = {row.what: row.found for row in wrong_rows(served)}
    assert found[f"3/{GRAPH}"] == "missing" and found[f"3/{NAMES[1]}"] == "not a regular file"
    assert next(row for row in wrong_rows(served) if "config" in row.what).expected == "missing"


def test_a_record_that_is_missing_damaged_or_of_another_number(served: Path) -> None:
    """Without it nothing else can be compared."""
    (served / RECORD).write_bytes((served.with_name("1") / RECORD).read_bytes())
    assert wrong_rows(served) == [Row("number of the ledger's line", "3", "1")]
    (served / RECORD).write_text("{}")
    assert [row.what for row in wrong_rows(served)] == [f"3/{RECORD}"]
    (served / RECORD).unlink()
    assert wrong_rows(served) == [Row(f"3/{RECORD}", "a record of `segline publish`", "missing")]


def test_a_signature_is_compared_with_the_public_key(keys: minisign.KeyPair, served: Path) -> None:
    """Files and record that were changed together still lack the signature."""
    assert not wrong_rows(served)
    (served / RECORD).write_bytes((served / RECORD).read_bytes().replace(b"c" * 40, b"d" * 40))
    assert [(row.what, row.expected) for row in wrong_rows(served)] == [(f"3/{SIGNATURE}", "valid")]
    (served / SIGNATURE).unlink()
    assert wrong_rows(served) == [Row(f"3/{SIGNATURE}", "valid", "missing")]


def test_where_nothing_is_published_the_place_is_named(served: Path, tmp_path: Path) -> None:
    """Nothing is made there."""
    with pytest.raises(StorageError, match="empty/segline: holds no publication; `segline publish` makes one"):
        check_publication(str(tmp_path / "empty"), MODEL)
    with pytest.raises(StorageError, match="served/segline: holds no publication 2; "):
        check_publication(str(served.parents[1]), MODEL, 2)
    assert not (tmp_path / "empty").exists()
