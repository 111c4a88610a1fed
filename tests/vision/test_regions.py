"""Regions of masks."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_array_equal

from pipeline.vision.regions import (
    close_mask,
    drop_small_areas,
    fill_from_nearest,
    list_areas,
    near_other_ids,
    open_mask,
    width_of,
)

IDS = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=24))


def test_opening_closing_and_small_areas() -> None:
    """Opening removes a thin line, closing fills a gap, and small regions go."""
    mask = np.zeros((40, 40), bool)
    mask[10:30, 10:30] = True
    line, gap, dot = mask.copy(), mask.copy(), mask.copy()
    line[35], gap[20], dot[2:4, 2:4] = True, False, True
    assert not open_mask(line, 5)[35].any() and open_mask(line, 5)[15:25, 15:25].all()
    assert close_mask(gap, 5)[20, 15:25].all()
    assert_array_equal(drop_small_areas(dot, 5), mask)


def test_the_width_is_that_of_the_largest_circle() -> None:
    """Of a line, a square and a disc, also where they fill their box."""
    rows, columns = np.mgrid[-20:21, -20:21]
    assert width_of(np.ones((3, 90), bool)) == 3 and width_of(np.ones((1, 1), bool)) == 1
    assert abs(width_of(np.ones((41, 41), bool)) - 41) < 1 and abs(width_of(rows**2 + columns**2 <= 400) - 41) < 2


@given(ids=IDS, holes=st.randoms(use_true_random=False))
def test_holes_get_an_id_that_is_there(ids: np.ndarray, holes: object) -> None:
    """Other pixels stay; a hole gets the id of a pixel outside of holes."""
    where = np.array([[holes.random() < 0.5 for _ in row] for row in ids])  # type: ignore[attr-defined]
    filled = fill_from_nearest(ids, where)
    assert_array_equal(filled[~where], ids[~where])
    if not where.all():
        assert set(np.unique(filled)) <= set(np.unique(ids[~where]))


def test_areas_are_listed_with_their_boxes() -> None:
    """Each region that is large enough comes once, cut out of the mask; diagonal neighbours belong together."""
    mask = np.zeros((20, 30), bool)
    mask[2:4, 5:9], mask[4, 9], mask[10, 10] = True, True, True
    (area,) = list_areas(mask, 2)
    assert area.box == (slice(2, 5), slice(5, 10))
    assert_array_equal(area.inside, mask[area.box])
    assert len(list_areas(mask, 1)) == 2
    assert list_areas(np.zeros((4, 4), bool), 1) == []
    assert area.inside.base is None, "the whole picture would stay in memory"


def test_the_border_is_another_id_where_asked_for() -> None:
    """In a flat mask nothing is near another id but the border; 255 does not see it."""
    flat = np.full((6, 9), 3, np.uint8)
    assert not near_other_ids(flat, 2, border=False).any()
    near = near_other_ids(flat, 2, border=True)
    assert not near[2:-2, 2:-2].any() and near.sum() == flat.size - 2 * 5
    assert not near_other_ids(np.full((6, 9), 255, np.uint8), 2, border=True).any()


@given(arrays(bool, (9, 12)), st.integers(0, 6))
def test_areas_are_those_of_a_flood(mask: np.ndarray, min_area_px: int) -> None:
    """Each pixel of the mask is in the area that a flood from it reaches, where that is large enough."""
    areas = [
        {(row + area.box[0].start, column + area.box[1].start) for row, column in np.argwhere(area.inside).tolist()}
        for area in list_areas(mask, min_area_px)
    ]
    left, expected = {(y, x) for y, x in np.argwhere(mask).tolist()}, []
    while left:
        flood, rim = set(), {left.pop()}
        while rim:
            flood |= rim
            left -= rim
            rim = {(y + dy, x + dx) for y, x in rim for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & left
        expected.append(flood)
    assert sorted(map(sorted, areas)) == sorted(sorted(flood) for flood in expected if len(flood) >= min_area_px)
