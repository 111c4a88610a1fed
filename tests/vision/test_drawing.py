"""Drawing into pictures."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_array_equal

from pipeline.vision.drawing import blend, draw_polygon, paste, tint, write_line

IDS = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=24))


def test_a_polygon_is_filled_in_place() -> None:
    """Inside is painted, outside is not, and what lies far off the picture is cut."""
    pixels = np.zeros((20, 20), np.uint8)
    draw_polygon(pixels, np.array([(5, 5), (14, 5), (14, 14), (5, 14)]), 9)
    assert (pixels[6:14, 6:14] == 9).all() and pixels[:4].max() == pixels[:, 16:].max() == 0
    draw_polygon(pixels, np.array([(-1e9, -1e9), (1e9, -1e9), (1e9, 1e9), (-1e9, 1e9)]), 3)
    assert (pixels == 3).all()


@given(IDS, st.floats(0, 1))
def test_blending_and_pasting(ids: np.ndarray, opacity: float) -> None:
    """Colours lie over the image by their opacity, in full where they are pasted."""
    image = np.stack((ids, ids // 2, 255 - ids), axis=2)
    colours = np.full_like(image, (200, 100, 50))
    blended = blend(image, colours, opacity)
    assert np.abs(blended - (image + (colours.astype(float) - image) * opacity)).max() <= 0.51
    paste(colours, ids > 9, blended)
    assert (blended[ids > 9] == colours[0, 0]).all()
    assert_array_equal(blended[ids <= 9], blend(image, colours, opacity)[ids <= 9])


def test_a_tint_shows_each_class() -> None:
    """The image shines through a class, its edge is in full colour; an id without a colour shows the image."""
    image, mask = np.full((4, 6, 3), 100, np.uint8), np.zeros((4, 6), np.uint8)
    mask[2:], mask[:, 0] = 1, 255
    tinted = tint(image, mask, [(0, 0, 255), (200, 100, 50)])
    assert_array_equal(tinted[0, 3], [45, 45, 185])
    assert_array_equal(tinted[1, 3], [0, 0, 255])
    assert_array_equal(tinted[:, 0], image[:, 0])


def test_a_line_is_cut_at_the_edge() -> None:
    """Words are dark on white, and what does not fit is not seen."""
    pixels = np.full((18, 30, 3), 255, np.uint8)
    write_line(pixels, "epoch 1234567")
    assert pixels[:, -3:].min() < 128 and pixels[0].min() == 255
