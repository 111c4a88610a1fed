"""Tests of publications in a folder."""

import os
from pathlib import Path

import pytest

from pipeline.errors import StageError, StorageError
from pipeline.publishing.folder import Folder
from tests.conftest import small_files
from tests.publications import MODEL, publish_files, read_all, write_files


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The files of a model."""
    return write_files(tmp_path / "model", "one")


def test_a_link_is_followed_to_the_destination_and_not_below_it(model: Path, tmp_path: Path) -> None:
    """A link in the place of the model's folder or of a part of a publication is refused; nothing is written there."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "link").symlink_to(elsewhere)
    assert publish_files(str(tmp_path / "link"), model, 3) == ("published", ())
    assert (elsewhere / MODEL / "3/saved_model.pb").is_file()
    (elsewhere / "outside").mkdir()
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / MODEL).symlink_to(elsewhere / "outside")
    with pytest.raises(StorageError, match="served/segline: is a link, expected a folder of its own"):
        publish_files(str(tmp_path / "served"), model, 3)
    (elsewhere / MODEL / "4").symlink_to(elsewhere / "outside")
    with pytest.raises(StorageError, match="segline/4: cannot be used"):
        publish_files(str(elsewhere), model, 4)
    assert not list((elsewhere / "outside").iterdir())


def test_a_file_that_became_a_link_is_replaced_by_the_file(model: Path, tmp_path: Path) -> None:
    """What it leads to stays as it is, even if it has the same content."""
    publish_files(str(tmp_path / "served"), model, 3)
    file, target = tmp_path / "served" / MODEL / "3/saved_model.pb", tmp_path / "target"
    target.write_bytes(file.read_bytes())
    file.unlink()
    file.symlink_to(target)
    assert Folder(tmp_path / "served", MODEL).sha256_of("3/saved_model.pb") == "not a regular file"
    assert publish_files(str(tmp_path / "served"), model, 3) == ("repaired", ())
    assert not file.is_symlink() and target.is_file()


def test_a_folder_of_a_publication_that_became_a_link_is_refused(model: Path, tmp_path: Path) -> None:
    """Nothing is written through it."""
    publish_files(str(tmp_path / "served"), model, 3)
    (tmp_path / "served" / MODEL / "3/variables").rename(tmp_path / "away")
    (tmp_path / "served" / MODEL / "3/variables").symlink_to(tmp_path / "away")
    before = sorted((tmp_path / "away").iterdir())
    with pytest.raises(StorageError, match="3/variables: leads over a link, expected a folder of its own"):
        publish_files(str(tmp_path / "served"), model, 3)
    assert sorted((tmp_path / "away").iterdir()) == before


def test_a_place_that_is_no_folder_is_named(model: Path, tmp_path: Path) -> None:
    """One sentence, for a file in its place, too."""
    (tmp_path / "file").write_text("")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    with pytest.raises(StorageError, match=r"circle.*: cannot be used \("):
        publish_files(str(tmp_path / "circle"), model, 3)
    with pytest.raises(StorageError, match=r"file.*: cannot be used \(.*\); make it a folder with write permission"):
        publish_files(str(tmp_path / "file"), model, 3)


def test_a_full_disk_leaves_what_was_published(model: Path, tmp_path: Path) -> None:
    """Nothing half written is seen; the next publication ends it."""
    publish_files(str(tmp_path / "served"), model, 3)
    (model / "variables/variables.index").write_bytes(os.urandom(1 << 12))
    with (
        pytest.raises(StageError, match="segline/4: no space left on the disk.*run `segline publish`"),
        small_files(2048),
    ):
        publish_files(str(tmp_path / "served"), model, 4)
    place = Folder(tmp_path / "served", MODEL)
    assert {path.partition("/")[0] for path in read_all(place)} == {"3"}
    assert publish_files(str(tmp_path / "served"), model, 4) == ("published", ())
    assert [path.name for path in (tmp_path / "served" / MODEL / ".segline").iterdir()] == ["lock"]
