"""Tests of segline/model.py."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import segline
from pipeline.errors import DataError
from pipeline.vision.codec import write_png
from segline.model import Image
from tests.finished_project import tiny_model

BAD: dict[str, np.ndarray] = {
    "grey": np.zeros((4, 5), np.uint8),
    "floats": np.zeros((4, 5, 3)),
    "with alpha": np.zeros((4, 5, 4), np.uint8),
    "a batch": np.zeros((2, 4, 5, 3), np.uint8),
    "empty": np.zeros((0, 5, 3), np.uint8),
}


def test_one_image_gives_one_prediction() -> None:
    """Mask, probabilities and confidence have the image's size; the classes name the ids."""
    model = segline.load(tiny_model(1))
    prediction = model(np.zeros((5, 7, 3), np.uint8))
    assert prediction.mask.dtype == np.uint8 and prediction.mask.shape == (5, 7)
    assert prediction.probs.dtype == np.float32 and prediction.probs.shape == (5, 7, 2)
    assert_array_equal(prediction.confidence(), np.ones((5, 7), np.float32))
    assert {model.classes.names[index] for index in np.unique(prediction.mask)} == {"road"}


def test_images_of_different_sizes_and_paths(tmp_path: Path) -> None:
    """A sequence gives a list in its order; a path will do for an array, as text too."""
    model = segline.load(str(tiny_model(1)))
    write_png(tmp_path / "a.png", np.zeros((3, 4, 3), np.uint8))
    images: list[Image] = [np.zeros((5, 7, 3), np.uint8), tmp_path / "a.png", str(tmp_path / "a.png")]
    assert [prediction.mask.shape for prediction in model(images)] == [(5, 7), (3, 4), (3, 4)]
    assert model(tmp_path / "a.png").mask.shape == model(str(tmp_path / "a.png")).mask.shape == (3, 4)
    assert model([]) == []


@pytest.mark.parametrize("name", BAD)
def test_an_array_that_is_not_an_image_is_refused(name: str) -> None:
    """The error says shape and dtype, and what was expected."""
    image = BAD[name]
    with pytest.raises(DataError, match=r"image is \(.*\) .*, expected \(H, W, 3\) uint8 RGB; convert it"):
        segline.load(tiny_model(1))(image)


def test_what_is_not_an_image_is_refused(tmp_path: Path) -> None:
    """Neither a number in a list nor a file that is not there."""
    model = segline.load(tiny_model(1))
    with pytest.raises(DataError, match="image is a int, expected an array"):
        model([1])  # type: ignore[list-item]
    with pytest.raises(DataError, match="a.png"):
        model(tmp_path / "a.png")
