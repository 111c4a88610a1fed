"""A panel of val images."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from pipeline.dataset.contract import ClassList
from pipeline.dataset.packed import Packed
from pipeline.monitoring.panel import GAP_PX, HEAD_PX, MAX_PX, NUM_NEWEST, Panel
from pipeline.vision.drawing import tint

CLASSES = ClassList(("sky", "road"), ((0, 0, 255), (200, 100, 50)), 255)


def val_set(num_images: int, height: int = 24, width: int = 40) -> Packed:
    """Noise, each image with a mask of its own."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (num_images, height, width, 3), np.uint8)
    return Packed(images, random.integers(0, 2, (num_images, height, width), np.uint8))


@pytest.mark.parametrize(("num_images", "places"), [(1, [0]), (3, [0, 1, 2]), (4, [0, 1, 2, 3]), (40, [0, 13, 26, 39])])
def test_the_same_images_spread_over_val_are_shown(num_images: int, places: list[int]) -> None:
    """The choice follows from the number of images alone."""
    assert Panel(val_set(num_images), CLASSES, 9).places == places


def test_it_grows_to_the_right_and_keeps_the_first() -> None:
    """Image, label and a column an epoch: the first and the newest eight."""
    val = val_set(4)
    panel = Panel(val, CLASSES, 12)
    column = 40 + GAP_PX
    for epoch in range(1, 13):
        pixels = panel.draw(epoch, [np.full((24, 40), epoch % 2, np.uint8)] * 4)
        assert pixels.shape == (HEAD_PX + 4 * (24 + GAP_PX), (2 + min(epoch, 1 + NUM_NEWEST)) * column, 3)
    first_row = pixels[HEAD_PX : HEAD_PX + 24]
    assert_array_equal(first_row[:, :40], val.images[0])
    assert_array_equal(first_row[:, column : column + 40], tint(val.images[0], val.masks[0], CLASSES.colours))
    for place, epoch in ((2, 1), (3, 5), (10, 12)):
        shown = first_row[:, place * column : place * column + 40]
        assert_array_equal(shown, tint(val.images[0], np.full((24, 40), epoch % 2, np.uint8), CLASSES.colours))
    assert not np.array_equal(pixels[:HEAD_PX, 2 * column : 3 * column], pixels[:HEAD_PX, 3 * column : 4 * column])


def test_large_images_are_shrunk() -> None:
    """The longer side is bounded, so that a panel takes no more time than an epoch has."""
    pixels = Panel(val_set(2, 300, 1024), CLASSES, 9).draw(1, [np.zeros((300, 1024), np.uint8)] * 2)
    assert pixels.shape == (HEAD_PX + 2 * (75 + GAP_PX), 3 * (MAX_PX + GAP_PX), 3)


@pytest.mark.parametrize(
    ("num_epochs", "drawn"), [(3, [1, 2, 3]), (16, list(range(1, 17))), (50, [1, *range(4, 50, 4), 50])]
)
def test_a_long_training_is_drawn_every_few_epochs(num_epochs: int, drawn: list[int]) -> None:
    """The first and the last are among them."""
    panel = Panel(val_set(1), CLASSES, num_epochs)
    assert [epoch for epoch in range(1, num_epochs + 1) if panel.is_due(epoch)] == drawn
