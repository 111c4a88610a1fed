"""Tests of decoding masks with repairs."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal

from pipeline.dataset.contract import ClassList
from pipeline.errors import DataError
from pipeline.importers.label_map import Labels, code_of
from pipeline.importers.repairs.decoding import distances, is_dark_first, to_class_ids, unique_colours
from pipeline.importers.repairs.mask_picture import MaskPicture
from pipeline.importers.repairs.repairs import AS_THEY_ARE, Repairs

COLOURS = np.array([(0, 0, 0), (200, 40, 40), (40, 40, 200)])
CLASSES = ClassList(("sky", "road", "car"), tuple(map(tuple, COLOURS.tolist())), 255)
BY_COLOUR = {code_of(colour): id_ for id_, colour in enumerate(CLASSES.colours)}
LABELS = Labels(Path("c.csv"), CLASSES, {0: 0, 1: 1, 2: 2, 255: 255}, BY_COLOUR)
TWO = Labels(Path("c.csv"), ClassList(("sky", "road"), ((0, 0, 0), (1, 1, 1)), 255), {0: 0, 1: 1, 255: 255}, {})
PICTURES = arrays(np.uint8, (3, 4, 3), elements=st.integers(0, 255))


def _grey(*values: int) -> MaskPicture:
    grey = np.array([values], np.uint8)
    return MaskPicture(Path("m.png"), grey, grey, np.dstack([grey] * 3))


@given(picture=PICTURES, tolerance=st.floats(1, 442))
def test_each_pixel_gets_the_nearest_colour_within_the_tolerance(picture: np.ndarray, tolerance: float) -> None:
    """By the Euclidean distance in RGB; a pixel that is further away from all is refused."""
    far = np.sqrt(((picture[:, :, None].astype(float) - COLOURS) ** 2).sum(-1))
    mask = MaskPicture(Path("m.png"), None, None, picture)
    if (far.min(-1) > tolerance).any():
        with pytest.raises(DataError, match="is not declared"):
            to_class_ids(mask, "colour", LABELS, Repairs(nearest_colour=tolerance))
        return
    ids, num_moved = to_class_ids(mask, "colour", LABELS, Repairs(nearest_colour=tolerance))
    assert_array_equal(ids, far.argmin(-1))
    assert num_moved == (far.min(-1) > 0).sum()


@given(picture=PICTURES)
def test_unique_colours_give_the_picture_back(picture: np.ndarray) -> None:
    """Each pixel has its place among the different colours; a declared one is no distance away."""
    unique, places = unique_colours(picture)
    assert_array_equal(unique[places], picture)
    assert distances(COLOURS, LABELS).diagonal().tolist() == [0, 0, 0]


def test_a_threshold_divides_grey_values() -> None:
    """The brighter ones are the class with the higher value, whichever is declared first."""
    ids, num_moved = to_class_ids(_grey(0, 118, 119, 237), "binary", TWO, Repairs(threshold=119))
    assert ids.tolist() == [[0, 0, 1, 1]] and num_moved == 0 and is_dark_first(TWO)
    bright_first = Labels(Path("c.csv"), TWO.classes, {0: 1, 255: 0}, {})
    ids, _ = to_class_ids(_grey(0, 237), "binary", bright_first, Repairs(threshold=119))
    assert ids.tolist() == [[1, 0]] and not is_dark_first(bright_first)


def test_inverting_swaps_the_two_classes() -> None:
    """Ignored pixels stay."""
    ids, _ = to_class_ids(_grey(0, 1, 255), "index", TWO, Repairs(invert=True))
    assert ids.tolist() == [[1, 0, 255]]
    assert to_class_ids(_grey(0, 1, 255), "index", TWO, AS_THEY_ARE)[0].tolist() == [[0, 1, 255]]
