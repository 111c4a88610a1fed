"""Tests of the importer of masks of single objects."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from pipeline.dataset.contract import read_class_list
from pipeline.errors import DataError
from pipeline.vision.codec import write_png
from tests.formats.small import bring_in, masks_brought_in, shares, write_small

IMAGE = np.full((4, 6, 3), 90, np.uint8)
WORDS = ["instances", "images", "masks"]


def _mask(path: str, rows: slice, columns: slice, value: int = 255) -> None:
    mask = np.zeros((4, 6), np.uint8)
    mask[rows, columns] = value
    write_png(Path(path), mask)


def test_classes_are_the_pixels_that_pillow_decodes() -> None:
    """A file for each class of an image; one that is called void is ignored."""
    words, masks = write_small("instances")
    bring_in(words)
    expected = {name: np.zeros((40, 56), np.uint8) for name in masks}
    for path in sorted(Path("masks").rglob("*.png")):
        expected[path.parent.name][np.array(Image.open(path)) > 0] = {"box": 1, "sign": 2, "void": 255}[path.stem]
    assert_allclose(shares(masks_brought_in()), shares(expected), rtol=0, atol=1e-6)
    assert_allclose(shares(masks_brought_in()), shares(masks), rtol=0, atol=1e-6)


def test_the_data_science_bowls_layout_is_read() -> None:
    """STEM/images/STEM.png and STEM/masks/*.png below one folder, one class."""
    write_png(Path("stage1/a0/images/a0.png"), IMAGE)
    _mask("stage1/a0/masks/1.png", slice(0, 2), slice(0, 2))
    _mask("stage1/a0/masks/2.png", slice(1, 3), slice(1, 4))
    bring_in(["instances", "stage1", "stage1", "--class-name", "nucleus"])
    expected = np.zeros((4, 6), np.uint8)
    expected[:2, :2] = expected[1:3, 1:4] = 1
    (mask,) = masks_brought_in().values()
    assert_array_equal(mask, expected)
    assert read_class_list().names == ("background", "nucleus")


def test_later_names_lie_on_top_and_the_longest_stem_counts() -> None:
    """STEM_*.png: the masks of a_1 are not those of a; classes are in the masks' names."""
    for name in ("a", "a_1"):
        write_png(Path(f"images/{name}.png"), IMAGE)
    _mask("masks/a_1_dog.png", slice(0, 2), slice(0, 6), 1)
    _mask("masks/a_1_cat.png", slice(0, 4), slice(0, 1), 7)
    _mask("masks/a_cat.png", slice(0, 1), slice(0, 1))
    bring_in([*WORDS, "--class-of", "_([a-z]+)[.]"])
    masks = masks_brought_in()
    assert_array_equal(masks["a_1"], [[2] * 6, [2] * 6, [1] + [0] * 5, [1] + [0] * 5])
    assert masks["a"].sum() == 1 and read_class_list().names == ("background", "cat", "dog")


@pytest.mark.parametrize(
    ("masks", "options", "says"),
    [
        (["b_1"], [], r"masks: 1 of 1 masks have no image: b_1.png; expected STEM/\*.png or STEM_\*.png"),
        (["a_1"], ["--class-of", "x"], "class 'x' has no brackets"),
        (["a_1"], ["--class-of", "(x)"], r"--class-of '\(x\)' finds nothing in 1 of 1 masks' paths: a_1.png; widen"),
        ([], [], "found 1 images and 0 masks"),
    ],
)
def test_masks_that_fit_no_image_or_class_are_refused(masks: list[str], options: list[str], says: str) -> None:
    """The message names them."""
    write_png(Path("images/a.png"), IMAGE)
    Path("masks").mkdir()
    for name in masks:
        _mask(f"masks/{name}.png", slice(0, 1), slice(0, 1))
    with pytest.raises(DataError, match=says):
        bring_in([*WORDS, *options])


def test_masks_of_several_values_or_another_size_are_refused() -> None:
    """Smoothed edges and ids of instances are not guessed at."""
    write_png(Path("images/a.png"), IMAGE)
    write_png(Path("masks/a/1.png"), np.array([[0, 1, 2]], np.uint8).repeat(4, 0).repeat(2, 1))
    with pytest.raises(DataError, match=r"a/1.png: has 2 values beside 0, expected one; a mask of several objects"):
        bring_in(WORDS)
    write_png(Path("masks/a/1.png"), np.ones((3, 3), np.uint8))
    with pytest.raises(DataError, match=r"a/1.png: mask is \(3, 3\), image \(4, 6\)"):
        bring_in(WORDS)


def test_images_without_masks_and_doubles_are_refused() -> None:
    """An image without any object may be background all over."""
    for name in "ab":
        write_png(Path(f"images/{name}.png"), IMAGE)
    _mask("masks/a_1.png", slice(0, 1), slice(0, 1))
    with pytest.raises(DataError, match="1 of 2 images have no area: b.png; say what they are"):
        bring_in(WORDS)
    bring_in([*WORDS, "--unannotated", "background"])
    assert masks_brought_in()["b"].sum() == 0
    Path("data").rename("before")
    write_png(Path("images/images/a.png"), IMAGE)
    with pytest.raises(DataError, match="images/images/a.png: its masks cannot be told from those of a.png; rename"):
        bring_in(WORDS)
    with pytest.raises(DataError, match="nothing: is not a folder"):
        bring_in(["instances", "nothing", "masks"])
