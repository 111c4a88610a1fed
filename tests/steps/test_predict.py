"""Tests of `segline predict`."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from pipeline.dataset.contract import ClassList
from pipeline.disk.files import md5_of, read_json
from pipeline.errors import DataError, EvidenceError
from pipeline.steps.predict import DONE, RECORD, PredictSummary, predict, show
from pipeline.vision.codec import read_image, read_mask, write_png
from tests.bombs import write_bombs
from tests.tiny_model import write_tiny_model

CLASSES = ClassList(("sky", "road"), ((0, 0, 255), (90, 90, 90)), 255)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model that says "road" everywhere."""
    return write_tiny_model(tmp_path / "model", CLASSES, favourite=1)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two pictures of different sizes, one of them in a folder below."""
    folder = tmp_path / "photos"
    write_png(folder / "a.png", np.zeros((6, 9, 3), np.uint8))
    write_png(folder / "day 2" / "a.png", np.full((5, 4, 3), 200, np.uint8))
    return folder


def test_folder_keeps_its_shape(model: Path, photos: Path, tmp_path: Path) -> None:
    """Each picture gets a mask of ids and an overlay at its own size, below the same folder."""
    assert predict(model, photos, tmp_path / "out") == PredictSummary(2, (), (), tmp_path / "out")
    mask = read_mask(tmp_path / "out/masks/day 2/a.png")
    assert_array_equal(mask, np.ones((5, 4)))
    assert read_image(tmp_path / "out/overlays/a.jpg").shape == (6, 9, 3)


def test_record_tells_ids_and_model(model: Path, photos: Path, tmp_path: Path) -> None:
    """The folder says what its ids mean and which model they are from."""
    predict(model, photos, tmp_path / "out")
    record = read_json(tmp_path / "out" / RECORD, "")
    assert record["classes"][1] == {"id": 1, "name": "road", "colour": [90, 90, 90]}
    assert record["model_md5"] == md5_of(model)
    assert "road" in (tmp_path / "out/legend.svg").read_text()


def test_one_picture(model: Path, photos: Path, tmp_path: Path) -> None:
    """A single file needs no folder of its own; the masks may go beside it."""
    assert predict(model, photos / "a.png", photos).num_images == 1
    assert (photos / "masks/a.png").exists()


def test_again_into_the_same_folder(model: Path, photos: Path, tmp_path: Path) -> None:
    """What prediction wrote it may write again."""
    predict(model, photos, tmp_path / "out")
    assert predict(model, photos, tmp_path / "out").num_images == 2


def test_what_is_done_is_left_as_it_is(model: Path, photos: Path, tmp_path: Path) -> None:
    """Until the picture or the model is another, a mask or overlay is missing, or its line is damaged."""
    out = tmp_path / "out"
    masks = out / "masks/a.png", out / "masks/day 2/a.png"

    def is_written() -> list[bool]:
        before = [mask.stat().st_mtime_ns if mask.exists() else 0 for mask in masks]
        assert predict(model, photos, out).num_images == 2
        return [mask.stat().st_mtime_ns != time for mask, time in zip(masks, before, strict=True)]

    assert is_written() == [True, True] and is_written() == [False, False]
    write_png(photos / "a.png", np.ones((6, 9, 3), np.uint8))
    assert is_written() == [True, False]
    masks[0].unlink()
    (out / "overlays/day 2/a.jpg").unlink()
    assert is_written() == [True, True] and is_written() == [False, False]
    done = out / DONE
    done.write_bytes(done.read_bytes().replace(b'"masks/a.png"]', b'"masks/a.p'))
    assert is_written() == [True, False]
    shutil.rmtree(model)
    write_tiny_model(model, CLASSES, favourite=0)
    assert is_written() == [True, True]
    assert_array_equal(read_mask(masks[1]), np.zeros((5, 4)))


def test_unreadable_pictures_are_reported_at_the_end(
    model: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The others get their masks, what is no picture by its suffix is named, and the message names the broken one."""
    (photos / "b.jpg").write_bytes(b"no picture")
    (photos / "notes.txt").touch()
    summary = predict(model, photos, tmp_path / "out")
    assert (summary.num_images, summary.skipped) == (2, (photos / "notes.txt",))
    with pytest.raises(DataError, match=r"1 of the pictures could not be read and have no mask:\n.*b.jpg: cannot be"):
        show(summary)
    assert "skipped 1 files" in capsys.readouterr().out
    assert not (tmp_path / "out/masks/b.png").exists()


def test_success_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing failed, the places of the results are printed."""
    show(PredictSummary(3, (), (), Path("out")))
    assert "3 masks in out/masks" in capsys.readouterr().out


def test_missing_pictures_are_refused(model: Path, tmp_path: Path) -> None:
    """A path with nothing there is said before the model is loaded."""
    with pytest.raises(DataError, match="photos: not found; expected a picture or a folder"):
        predict(model, tmp_path / "photos", tmp_path / "out")


def test_empty_folder_is_refused(model: Path, tmp_path: Path) -> None:
    """A folder without a picture is an error, not a success of nothing."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/notes.txt").touch()
    with pytest.raises(DataError, match="photos: holds no picture .1 other files.; expected JPEG"):
        predict(model, tmp_path / "photos", tmp_path / "out")


def test_two_pictures_of_one_name_are_refused(model: Path, photos: Path, tmp_path: Path) -> None:
    """Neither mask would be overwritten by the other's without a word."""
    write_png(photos / "a.bmp", np.zeros((2, 2, 3), np.uint8))
    with pytest.raises(DataError, match=r"a.png: and .*a.bmp would both be written as .*masks/a.png; rename one"):
        predict(model, photos, tmp_path / "out")


@pytest.mark.parametrize("name", [".", "out", "../photos/day 2"])
def test_out_among_the_pictures_is_refused(model: Path, photos: Path, name: str) -> None:
    """Masks among the pictures would be taken for pictures next time."""
    with pytest.raises(DataError, match="lies in .*photos, so the next run would take masks for pictures"):
        predict(model, photos, photos / name)


def test_picture_is_never_replaced(model: Path, photos: Path, tmp_path: Path) -> None:
    """A folder of pictures called masks is not written to."""
    photos.rename(tmp_path / "masks")
    with pytest.raises(DataError, match="masks/a.png: is one of the pictures and would be replaced"):
        predict(model, tmp_path / "masks", tmp_path)
    assert not (tmp_path / "overlays").exists()


def test_labels_are_never_replaced(model: Path, photos: Path, tmp_path: Path) -> None:
    """Masks that someone drew, in a data folder, stay as they are."""
    labels = tmp_path / "data/masks/a.png"
    write_png(labels, np.zeros((6, 9), np.uint8))
    with pytest.raises(DataError, match="a.png: exists, and .*data has no prediction.json, so prediction did not"):
        predict(model, photos, tmp_path / "data")
    assert not read_mask(labels).any()


def test_out_that_is_a_file_is_refused(model: Path, photos: Path) -> None:
    """Masks need a folder."""
    with pytest.raises(DataError, match="a.png: is a file; expected a folder to write"):
        predict(model, photos, photos / "a.png")


def test_links_among_the_pictures_are_not_followed(model: Path, photos: Path, tmp_path: Path) -> None:
    """A link out of the folder, a pipe and a bomb are reported at the end; the others get their masks."""
    write_png(tmp_path / "elsewhere.png", np.zeros((2, 2, 3), np.uint8))
    (photos / "b.png").symlink_to(tmp_path / "elsewhere.png")
    (photos / "c.png").symlink_to("a.png")
    os.mkfifo(photos / "d.png")
    num_bombs = len(write_bombs(photos / "bombs"))
    summary = predict(model, photos, tmp_path / "out")
    assert summary.num_images == 3 and len(summary.failed) == 2 + num_bombs
    reasons = "\n".join(reason for _, reason in summary.failed)
    assert "b.png: is a link to" in reasons and "d.png: is a named pipe" in reasons and "palette.png: claims" in reasons


@pytest.mark.parametrize("link", ["masks", "overlays/day 2"])
def test_masks_are_not_written_through_a_link(model: Path, photos: Path, tmp_path: Path, link: str) -> None:
    """A link in the output folder does not direct them to elsewhere."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / link).parent.mkdir(parents=True)
    (tmp_path / "out" / link).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=f"out/{link}.*: is a file or a link out of .*out; remove it"):
        predict(model, photos, tmp_path / "out")
    assert not list((tmp_path / "elsewhere").iterdir())


def test_what_is_no_folder_or_one_too_many_is_refused(model: Path, photos: Path, tmp_path: Path) -> None:
    """A file where masks are to go, a folder in the place of a mask, and a link in a circle."""
    (tmp_path / "one").mkdir()
    (tmp_path / "one/masks").touch()
    (tmp_path / "two/masks/a.png").mkdir(parents=True)
    (tmp_path / "three").symlink_to("three")
    for name, fault in (
        ("one", "is a file or a link"),
        ("two", "a.png: is a folder"),
        ("three", "is a file or a link"),
    ):
        with pytest.raises(DataError, match=fault):
            predict(model, photos, tmp_path / name)


def test_a_name_too_long_for_its_mask_is_refused(model: Path, photos: Path, tmp_path: Path) -> None:
    """At the start: what is written beside a mask has a longer name than the picture."""
    (photos / "a.png").rename(photos / f"{'x' * 247}.png")
    with pytest.raises(DataError, match="its name is too long to write x+.*, expected at most 249 bytes; rename it"):
        predict(model, photos, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_names_are_reported_printable(
    model: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name moves no cursor, breaks no line and is no reason to stop, even where it is no text."""
    odd = "\x1b[2J\r\n" + b"\xff".decode(errors="surrogateescape")
    (photos / "a.png").rename(photos / f"{odd}.png")
    (photos / f"{odd}.jpg.txt").touch()
    (photos / f"{odd}2.jpg").touch()
    summary = predict(model, photos, tmp_path / "out")
    with pytest.raises(DataError) as caught:
        show(summary)
    assert summary.num_images == 2
    for text in (str(caught.value), capsys.readouterr().out):
        assert all(line.isprintable() for line in text.split("\n"))


def test_out_that_cannot_be_made_is_refused(model: Path, photos: Path, tmp_path: Path) -> None:
    """A place where nothing can be written is named."""
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="file/out: cannot be written to .Not a directory."):
        predict(model, photos, tmp_path / "file/out")


def test_folder_that_is_no_model_is_refused(photos: Path, tmp_path: Path) -> None:
    """Nothing is written with a model that cannot be loaded."""
    with pytest.raises(EvidenceError, match="holds no saved_model.pb"):
        predict(photos, photos, tmp_path / "out")
    assert not (tmp_path / "out").exists()
