"""Drawing into pictures."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_array_equal

from pipeline.vision.drawing import blend, draw_polygon, paste

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
