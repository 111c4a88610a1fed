"""Resizing that is exact."""

from fractions import Fraction

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from pipeline.vision.resize import ONE, find_taps, resize_image, resize_mask

LENGTHS = st.integers(1, 5000)
MASKS = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=24))


@given(length=LENGTHS, new_length=LENGTHS)
def test_weights_are_shares_of_one(length: int, new_length: int) -> None:
    """The weights of an output pixel sum to 1, none is negative, and each belongs to an input pixel."""
    indices, weights = find_taps(length, new_length)
    assert (weights.sum(0) == ONE).all() and weights.min() >= 0
    assert indices.min() >= 0 and indices.max() < length and indices.shape == weights.shape


@given(length=st.integers(1, 60), new_length=st.integers(1, 60))
def test_a_shrunk_pixel_is_the_mean_of_what_it_covers(length: int, new_length: int) -> None:
    """Each weight is the covered share, to the nearest 1/4096; the exact share is computed with fractions."""
    new_length = min(length, new_length)
    weights_of = np.zeros((new_length, length), np.int64)
    for indices, weights in zip(*find_taps(length, new_length), strict=True):
        weights_of[np.arange(new_length), indices] += weights
    step = Fraction(length, new_length)
    for place, row in enumerate(weights_of):
        for index, weight in enumerate(row):
            right, left = min((place + 1) * step, Fraction(index + 1)), max(place * step, Fraction(index))
            covered = max(Fraction(0), right - left) / step
            assert abs(covered - Fraction(int(weight), ONE)) <= Fraction(1, ONE)


@pytest.mark.parametrize("size", [(64, 96), (37, 51), (200, 300), (20, 11), (9, 100), (101, 40)])
def test_opencv_agrees_within_a_grey_level(size: tuple[int, int]) -> None:
    """An independent implementation gives the same pixels but for its rounding."""
    image = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    shrunk = min(size[1], 96), min(size[0], 64)
    area = cv2.resize(image, shrunk, interpolation=cv2.INTER_AREA)
    by_opencv = cv2.resize(area, size[::-1], interpolation=cv2.INTER_LINEAR)
    assert np.abs(resize_image(image, size).astype(int) - by_opencv).max() <= 1


@given(height=st.integers(1, 40), width=st.integers(1, 40), grey=st.integers(0, 255))
def test_a_flat_image_stays_flat(height: int, width: int, grey: int) -> None:
    """Whatever mixes pixels, equal ones stay equal, at both ends of the range too."""
    resized = resize_image(np.full((17, 23, 3), grey, np.uint8), (height, width))
    assert resized.shape == (height, width, 3) and (resized == grey).all()


@given(seed=st.integers(0, 99), height=st.integers(1, 60), width=st.integers(1, 60))
def test_a_mirrored_image_gives_the_mirror_image(seed: int, height: int, width: int) -> None:
    """Nothing is shifted to a side; a grey level is left to rounding."""
    image = np.random.default_rng(seed).integers(0, 256, (31, 44, 3), np.uint8)
    there, back = resize_image(image, (height, width)), resize_image(image[:, ::-1], (height, width))[:, ::-1]
    assert np.abs(there.astype(int) - back).max() <= 1


@given(
    mask=MASKS,
    height=st.integers(1, 40),
    width=st.integers(1, 40),
)
def test_resizing_a_mask_makes_no_new_id(mask: np.ndarray, height: int, width: int) -> None:
    """Nearest neighbour only; the size asked for is reached."""
    resized = resize_mask(mask, (height, width))
    assert resized.shape == (height, width) and set(np.unique(resized)) <= set(np.unique(mask))
