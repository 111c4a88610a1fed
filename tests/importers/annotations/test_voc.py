"""Tests of the importer of Pascal VOC's layout, against Pillow."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from pipeline.dataset.contract import list_samples, read_class_list
from pipeline.errors import DataError
from pipeline.importers.annotations.voc import NAMES
from pipeline.vision.codec import write_png
from tests.formats.small import bring_in, masks_brought_in, shares, write_small

LISTS = Path("voc/ImageSets/Segmentation")


def _write(values: list[int], **lists: str) -> None:
    """Images a and b; a mask of a with these values."""
    for name in "ab":
        write_png(Path(f"voc/JPEGImages/{name}.png"), np.full((1, len(values), 3), 90, np.uint8))
    write_png(Path("voc/SegmentationClass/a.png"), np.array([values], np.uint8))
    LISTS.mkdir(parents=True)
    for name, text in lists.items():
        (LISTS / f"{name}.txt").write_text(text)


def test_classes_are_the_indices_that_pillow_decodes() -> None:
    """The lists are frozen splits, void is ignored, classes are those of labelmap.txt."""
    words, masks = write_small("voc")
    imported = bring_in(words)
    expected = {name: np.array(Image.open(f"voc/SegmentationClass/{name}.png")) for name in masks}
    assert_allclose(shares(masks_brought_in()), shares(expected), rtol=0, atol=1e-6)
    assert {sample.name: sample.split for sample in list_samples()} == {
        "a_0": "test", "a_1": "test", "b_2": "val", "b_3": "val", "c_4": "train", "c_5": "train",
    }  # fmt: skip
    assert read_class_list().names == ("ground", "box", "sign") and len(imported.notes) == 2


def test_masks_may_have_the_colours_of_the_label_map() -> None:
    """As CVAT and Datumaro write them; a subset of another name is split by group."""
    _write([0, 1], default="a\n")
    Path("voc/labelmap.txt").write_text("# label:color_rgb:parts:actions\ncat:250,50,83::\ndog:0,0,9::\n")
    write_png(Path("voc/SegmentationClass/a.png"), np.array([[[0, 0, 9], [224, 224, 192], [250, 50, 83]]], np.uint8))
    write_png(Path("voc/JPEGImages/a.png"), np.full((1, 3, 3), 90, np.uint8))
    bring_in(["voc", "voc"])
    assert_array_equal(masks_brought_in()["a"], [[1, 255, 0]])
    assert list_samples()[0].split == ""


def test_without_a_label_map_the_classes_are_vocs() -> None:
    """Grey masks of ids are read too, 255 is void in a set of two classes as well; --classes has precedence."""
    _write([0, 20, 255], train="a")
    bring_in(["voc", "voc"])
    assert read_class_list().names == (NAMES[0], NAMES[20]) and read_class_list().colours[1] == (0, 64, 128)
    assert_array_equal(masks_brought_in()["a"], [[0, 1, 255]])
    write_png(Path("voc/SegmentationClass/a.png"), np.array([[0, 255, 255]], np.uint8))
    Path("two.txt").write_text("ground\nbox\n")
    Path("data").rename("before")
    bring_in(["voc", "voc", "--classes", "two.txt"])
    assert_array_equal(masks_brought_in()["a"], [[0, 255, 255]])


def test_a_test_list_without_masks_is_left_out() -> None:
    """As in the public Pascal VOC; a note says so."""
    _write([0, 1], train="a\n", test="b\n")
    assert (
        "the test list's 1 images have no masks and were left out; there is no test split"
        in bring_in(["voc", "voc"]).notes
    )


@pytest.mark.parametrize(
    ("lists", "says"),
    [
        ({"train": "a\nb\n"}, r"1 of 2 listed images have no mask in SegmentationClass: b; .* --unannotated skip"),
        ({"train": "a\n../../etc/passwd\n"}, r"1 of 2 listed images are not in JPEGImages: ../../etc/passwd; put them"),
        ({"train": "a\n", "val": "a\n"}, r"val.txt: names 'a', which is in the train list too"),
    ],
)
def test_lists_that_do_not_fit_are_refused(lists: dict[str, str], says: str) -> None:
    """The message names the image and what to do."""
    _write([0, 1], **lists)
    with pytest.raises(DataError, match=says):
        bring_in(["voc", "voc"])


def test_listed_images_without_mask_may_be_left_out() -> None:
    """The note counts them."""
    _write([0, 1], train="a\nb\n")
    imported = bring_in(["voc", "voc", "--unannotated", "skip"])
    assert imported.num_samples == 1 and "listed images without a mask were left out: 1" in imported.notes


def test_another_layout_and_a_wrong_label_map_are_refused() -> None:
    """What was expected is named."""
    with pytest.raises(DataError, match="is not in Pascal VOC's layout, found no JPEGImages and no SegmentationClass"):
        bring_in(["voc", "voc"])
    _write([0, 1])
    with pytest.raises(DataError, match="did you mean voc?"):
        bring_in(["voc", "."])
    Path("voc/labelmap.txt").write_text("cat:red::\n")
    with pytest.raises(DataError, match="labelmap.txt: line 1 is 'cat:red::', expected a class as name:r,g,b::"):
        bring_in(["voc", "voc"])
    Path("voc/labelmap.txt").write_text("cat\ndog\n")
    write_png(Path("voc/JPEGImages/a.jpg.png"), np.zeros((1, 2, 3), np.uint8))
    Path("voc/JPEGImages/a.bmp").write_bytes(b"")
    with pytest.raises(DataError, match="a.png: has the same name as .*a.bmp; rename one"):
        bring_in(["voc", "voc"])
