"""Tests of the cleaning of masks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal

from pipeline.serving.cleaning import clean_mask
from pipeline.serving.model_card import Postprocess
from pipeline.vision.regions import drop_small_areas

SHAPES = hnp.array_shapes(min_dims=2, max_dims=2, max_side=24)
MASKS = hnp.arrays(np.uint8, SHAPES, elements=st.integers(0, 3), fill=st.integers(0, 3))
PIXELS = st.integers(0, 7)


def only(open_px: int = 0, close_px: int = 0, min_area_px: int = 0) -> Postprocess:
    """Settings in which the steps that are not named are off."""
    return Postprocess(open_px, close_px, min_area_px)


@given(MASKS)
def test_all_off_changes_nothing(mask: np.ndarray) -> None:
    """With every setting 0 the mask is what it was."""
    assert_array_equal(clean_mask(mask, only()), mask)


@given(MASKS, st.builds(Postprocess, PIXELS, PIXELS, PIXELS))
@settings(max_examples=50)
def test_no_new_ids(mask: np.ndarray, postprocess: Postprocess) -> None:
    """Size and type stay, and each id was there before; the given mask is not changed."""
    before = mask.copy()
    cleaned = clean_mask(mask, postprocess)
    assert (cleaned.shape, cleaned.dtype) == (mask.shape, mask.dtype)
    assert np.isin(cleaned, mask).all()
    assert_array_equal(mask, before)


@given(MASKS, st.integers(1, 40))
@settings(max_examples=50)
def test_no_small_area_is_left(mask: np.ndarray, min_area_px: int) -> None:
    """Every region has the least area, or none had it and the mask is as it was; doing it again changes nothing."""
    cleaned = clean_mask(mask, only(min_area_px=min_area_px))
    large = sum(drop_small_areas(cleaned == id_, min_area_px) for id_ in np.unique(cleaned))
    assert np.all(large) or np.array_equal(cleaned, mask)
    assert_array_equal(clean_mask(cleaned, only(min_area_px=min_area_px)), cleaned)


@given(MASKS, st.integers(1, 7))
@settings(max_examples=50)
def test_closing_takes_only_from_commoner_classes(mask: np.ndarray, close_px: int) -> None:
    """Each pixel that changes goes to a class with no more pixels than its own had."""
    closed = clean_mask(mask, only(close_px=close_px))
    num_pixels = np.bincount(mask.ravel(), minlength=4)
    assert (num_pixels[closed] <= num_pixels[mask]).all()


def test_opening_removes_a_thin_line() -> None:
    """A line of 1 px goes to the class around it, a block stays."""
    mask = np.zeros((20, 20), np.uint8)
    mask[:, 3] = 1
    mask[8:16, 8:16] = 2
    cleaned = clean_mask(mask, only(open_px=3))
    assert not (cleaned == 1).any()
    assert_array_equal(cleaned[:, 12] == 2, mask[:, 12] == 2)


def test_closing_fills_a_gap() -> None:
    """A line broken in one place is whole again; the class around it, which has more pixels, does not swallow it."""
    mask = np.zeros((20, 20), np.uint8)
    mask[:, 8:10] = 1
    mask[10] = 0
    cleaned = clean_mask(mask, only(close_px=5))
    assert (cleaned[:, 8:10] == 1).all()
    assert (cleaned == 1).sum() == 40


@pytest.mark.parametrize("postprocess", [only(open_px=50), only(min_area_px=10_000)])
def test_mask_that_would_vanish_stays(postprocess: Postprocess) -> None:
    """Where nothing would remain, the mask is left as it was."""
    mask = np.array([[0, 1], [1, 0]], np.uint8)
    assert_array_equal(clean_mask(mask, postprocess), mask)


def test_small_area_takes_the_nearest_class() -> None:
    """A speck becomes what it lies next to."""
    mask = np.zeros((9, 9), np.uint8)
    mask[:, 5:] = 2
    mask[4, 5:7] = 1
    cleaned = clean_mask(mask, only(min_area_px=3))
    assert set(np.unique(cleaned)) == {0, 2}
    assert (cleaned[4, 6:] == 2).all()
