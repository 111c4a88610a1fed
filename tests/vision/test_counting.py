"""Counts, brightness and hashes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_array_equal

from pipeline.vision.counting import count_ids, difference_hash, look_up, mean_luma
from pipeline.vision.resize import resize_image

IDS = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=24))


def test_the_hash_is_near_for_near_pictures() -> None:
    """Noise and a resize change few bits, another picture many."""
    random = np.random.default_rng(0)
    coarse = random.integers(0, 255, (9, 12, 3), np.uint8)
    image = resize_image(coarse, (90, 120))
    noisy = np.clip(image + random.integers(-3, 4, image.shape), 0, 255).astype(np.uint8)
    other = resize_image(np.ascontiguousarray(coarse[::-1, ::-1]), (90, 120))
    near = difference_hash(image) ^ difference_hash(resize_image(noisy, (60, 70)))
    assert near.bit_count() <= 4 < 16 < (difference_hash(image) ^ difference_hash(other)).bit_count()


def test_mean_luma_weighs_the_colours() -> None:
    """White is 255, and green is brighter than blue."""
    lumas = [mean_luma(np.full((4, 4, 3), colour, np.uint8)) for colour in ((255,) * 3, (0, 255, 0), (0, 0, 255))]
    assert lumas == [255, 150, 29]


@given(st.integers(1, 99), st.integers(1, 99), st.integers(0, 255))
def test_flat_pictures_of_any_size_are_equally_bright(height: int, width: int, grey: int) -> None:
    """To the last bit, or equal values would be parted into slices."""
    assert mean_luma(np.full((height, width, 3), grey, np.uint8)) == grey


@given(IDS, st.integers(0, 255))
def test_ids_and_pairs_are_counted(ids: np.ndarray, shift: int) -> None:
    """As NumPy counts them, whatever the shape and the memory's order."""
    others = ids.T.copy().reshape(ids.shape) + np.uint8(shift)
    assert_array_equal(count_ids(ids.T), np.bincount(ids.ravel(), minlength=256))
    pairs = ids.astype(int) * 256 + others
    counts = count_ids(ids, others)
    assert counts.dtype == np.int64
    assert_array_equal(counts.ravel(), np.bincount(pairs.ravel(), minlength=256**2))


def test_more_pixels_are_counted_than_float32_can_tell_apart() -> None:
    """OpenCV counts in float32, where 2 ** 24 + 1 is 2 ** 24."""
    ids = np.ones((1, 2**24 + 1), np.uint8)
    assert count_ids(ids)[1] == ids.size
    assert count_ids(ids, ids)[1, 1] == ids.size


@given(IDS, st.sampled_from([np.uint8, np.uint16, np.uint32]))
def test_looking_up_is_indexing(ids: np.ndarray, dtype: type[np.unsignedinteger]) -> None:
    """The same entries, of the table's type."""
    table = np.arange(256)[::-1].astype(dtype) << dtype(8 * dtype().itemsize - 8)
    entries = look_up(ids, table)
    assert entries.dtype == dtype
    assert_array_equal(entries, table[ids])
