"""Tests of areas as pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from pycocotools import mask as coco_mask

from pipeline.errors import DataError
from pipeline.importers.annotations.rasters import (
    Patch,
    as_corners,
    check_ellipse,
    check_part,
    fill_as_labelme,
    fill_ellipse,
    fill_ellipse_as_cvat,
    fill_polygons,
    place,
    turned_box,
)


def _whole(patch: Patch, height: int, width: int) -> np.ndarray:
    part, pixels = patch
    whole = np.zeros((height, width), bool)
    whole[part][pixels] = True
    return whole


POINTS = st.lists(st.tuples(st.floats(-9, 29), st.floats(-9, 21)), min_size=3, max_size=9)


@given(POINTS, POINTS)
def test_polygons_are_united_as_pycocotools_fills_each(
    one: list[tuple[float, float]], two: list[tuple[float, float]]
) -> None:
    """Parts outside of the image are cut off; a polygon that is all outside is refused."""
    try:
        filled = _whole(fill_polygons([one, two], 12, 20), 12, 20)
    except DataError as err:
        assert "lies outside of the image of 20 x 12" in str(err)
        return
    each = [
        coco_mask.decode(coco_mask.frPyObjects([np.ravel(points).tolist()], 12, 20))[:, :, 0] for points in (one, two)
    ]
    assert_array_equal(filled, (each[0] | each[1]).astype(bool))


def test_less_than_three_corners_enclose_nothing() -> None:
    """pycocotools fails on two corners."""
    assert not fill_polygons([[(1, 1), (5, 5)], []], 8, 8)[1].any()


@pytest.mark.parametrize("points", [[(1, 1), (2, 2), (1e18, 3)], [(1, 1), (float("nan"), 2)], [(1, 2, 3)], ["a"]])
def test_wild_corners_are_refused(points: list[object]) -> None:
    """Libraries fail on them, or take all memory."""
    with pytest.raises(DataError, match="outside of the image|not a finite number|not pairs of numbers"):
        as_corners(points, 8, 8)


def test_a_box_is_turned_clockwise() -> None:
    """A quarter around its upper left corner, and a half around its centre."""
    assert_allclose(turned_box(1, 1, 3, 2, 90, (1, 1)), [[1, 1], [1, 3], [0, 3], [0, 1]], atol=1e-12)
    assert_allclose(turned_box(1, 1, 3, 2, 180, (2, 1.5)), [[3, 2], [1, 2], [1, 1], [3, 1]], atol=1e-12)


def test_an_ellipse_has_its_area() -> None:
    """Turned or not, within the share of its edge; a radius of 0 is a line."""
    for degrees in (0.0, 30.0, 90.0):
        assert abs(fill_ellipse((50, 40), (30, 15), degrees, (80, 100))[1].sum() / (np.pi * 30 * 15) - 1) < 0.01
        assert abs(fill_ellipse_as_cvat((50, 40), (30, 15), degrees, (80, 100))[1].sum() / (np.pi * 30 * 15) - 1) < 0.06
    _, along = fill_ellipse((50, 40), (30, 15), 30, (80, 100))
    assert along[40 + 14, 50 + 24] and not along[40 - 14, 50 + 24]
    for centre, radii, degrees in (((5, 5), (-1, 2), 0.0), ((5, 5), (1, 2), np.nan), ((5, 5), (900, 2), 0.0)):
        with pytest.raises(DataError, match="an ellipse has the radii|outside of the image"):
            check_ellipse(centre, radii, degrees, 10, 10)


def test_labelmes_shapes_include_their_edge() -> None:
    """A rectangle of two corners in any order."""
    assert fill_as_labelme("rectangle", [(4, 3), (1, 1)], 8, 8)[1].sum() == 12
    assert fill_as_labelme("polygon", [(1, 1), (4, 1), (4, 3), (1, 3)], 8, 8)[1].sum() == 12
    assert fill_as_labelme("circle", [(4, 4), (4, 5)], 8, 8)[1].sum() == 5
    with pytest.raises(DataError, match="a circle has 3 points, expected 2"):
        fill_as_labelme("circle", [(4, 4), (4, 5), (1, 1)], 8, 8)


def test_a_part_stays_within_its_image() -> None:
    """It is put in its place, or refused."""
    assert_array_equal(np.argwhere(_whole(place(np.ones((1, 2), bool), 3, 2, 4, 5), 4, 5)), [[2, 3], [2, 4]])
    for part in ((-1, 0, 1, 1), (0, 0, 0, 1), (3, 0, 9, 1), (0, 2, 1, 9)):
        with pytest.raises(DataError, match=r"a mask reaches from .* the image is 5 x 4"):
            check_part(*part, 4, 5)
