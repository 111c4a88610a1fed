"""Tests of the importer of folders, on this machine and in an object store."""

from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest

from pipeline.errors import DataError, StorageError
from pipeline.importers.folder import DOWNLOADS, folder
from pipeline.importers.label_map import KINDS
from pipeline.vision.codec import encode_png, write_png

CLASSES = Path("classes.txt")
IMAGE = np.full((6, 8, 3), 90, np.uint8)


@pytest.fixture(autouse=True)
def _in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    CLASSES.write_text("sky\nroad\n")


def test_a_source_has_samples_and_notes() -> None:
    """The group is in the path; notes say how the masks were read, and what was left out."""
    for number, name in enumerate(("a_1", "b_1")):
        write_png(Path("images", f"{name}.png"), IMAGE + np.uint8(number))
        write_png(Path("masks", f"{name}.png"), np.eye(6, 8, dtype=np.uint8))
    Path("images/readme.txt").touch()
    with folder("images", "masks", classes=CLASSES, group="(.*)_") as source:
        assert [(sample.name, sample.group) for sample in source.samples] == [("a_1", "a"), ("b_1", "b")]
        assert source.classes.names == ("sky", "road") and source.notes[0] == "masks were read as index masks"
        assert source.notes[1:] == ["files next to the images that are not pictures were left out: 1"]


def test_a_group_in_two_splits_is_noted() -> None:
    """`validate` refuses it unless a param names it."""
    for number, name in enumerate(("a_1", "a_2")):
        write_png(Path("images", f"{name}.png"), IMAGE + np.uint8(number))
        write_png(Path("masks", f"{name}.png"), np.eye(6, 8, dtype=np.uint8))
    Path("samples.csv").write_text("name,split\na_1,train\na_2,test\n")
    with folder("images", "masks", classes=CLASSES, group="(.*)_", samples=Path("samples.csv")) as source:
        assert source.notes[1].startswith(
            "groups that --samples puts into several splits, which `validate` refuses: 1 (a)"
        )


def test_the_command_offers_all_kinds() -> None:
    """Those of the label map, and the choice among them."""
    assert set(get_args(get_type_hints(folder)["kind"])) == {"auto", *KINDS}


@pytest.mark.services
def test_a_download_is_kept_and_errors_name_the_object(s3: Any) -> None:
    """A wrong mask is named by its URL; a wrong place is the store's error; what came is kept."""
    s3.create_bucket(Bucket="photos")
    s3.put_object(Bucket="photos", Key="images/a.png", Body=encode_png(IMAGE))
    s3.put_object(Bucket="photos", Key="masks/a.png", Body=encode_png(np.full((6, 8), 77, np.uint8)))
    with (
        pytest.raises(DataError, match=r"s3://photos/masks/a.png: value 77 on 48 pixels is not declared"),
        folder("s3://photos/images", "s3://photos/masks", classes=CLASSES),
    ):
        pass
    with (
        pytest.raises(StorageError, match="s3://photos/none: found nothing"),
        folder("s3://photos/none", "s3://photos/masks", classes=CLASSES),
    ):
        pass
    s3.put_object(Bucket="photos", Key="masks/a.png", Body=encode_png(np.eye(6, 8, dtype=np.uint8)))
    with (
        pytest.raises(DataError, match=r"^s3://photos/images/a.png: bad$"),
        folder("s3://photos/images", "s3://photos/masks", classes=CLASSES) as source,
    ):
        raise DataError(f"{source.samples[0].image}: bad")
    assert len(list(DOWNLOADS.rglob("*.png"))) == 2
