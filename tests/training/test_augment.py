"""Augmentation as a function of (seed, epoch, index)."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.training.augment import Ranges, draw_order, draw_transform, transform_images, transform_masks

NONE = Ranges(False, False, (1.0, 1.0), 0.0, 0.0, 0.0, 0.0)
ALL = Ranges(True, True, (0.5, 2.0), 30.0, 0.2, 0.3, 0.4)
SIZE = (6, 8)


def image_and_mask() -> tuple[np.ndarray, np.ndarray]:
    """An image whose grey value is its mask's id, times 20."""
    mask = np.arange(SIZE[0] * SIZE[1], dtype=np.int32).reshape(1, *SIZE) % 12
    return np.repeat(mask[..., None] * 20.0, 3, axis=-1).astype(np.float32), mask


@given(st.integers(0, 2**32), st.integers(0, 999), st.integers(0, 10**6))
def test_the_same_place_draws_the_same(seed: int, epoch: int, index: int) -> None:
    """No call before changes what is drawn; another seed, epoch or index draws something else."""
    drawn: Any = draw_transform(ALL, SIZE, SIZE, seed, epoch, index)
    draw_order(5, seed, epoch)
    for left, right in zip(drawn, draw_transform(ALL, SIZE, SIZE, seed, epoch, index), strict=True):
        np.testing.assert_array_equal(left, right)
    for other in ((seed + 1, epoch, index), (seed, epoch + 1, index), (seed, epoch, index + 1)):
        assert not np.array_equal(drawn[0], draw_transform(ALL, SIZE, SIZE, *other)[0])


def test_each_epoch_has_an_order_of_its_own() -> None:
    """An order visits each sample once, and the next epoch visits them differently."""
    first, second = draw_order(50, 0, 0), draw_order(50, 0, 1)
    assert sorted(first) == sorted(second) == list(range(50)) and list(first) != list(second)


def test_nothing_drawn_changes_nothing() -> None:
    """With all ranges off, images and masks come back as they were."""
    image, mask = image_and_mask()
    matrix, colour = (array[None] for array in draw_transform(NONE, SIZE, SIZE, 0, 0, 0))
    np.testing.assert_allclose(transform_images(image, matrix, colour, SIZE), image, atol=1e-3)
    np.testing.assert_array_equal(transform_masks(mask, matrix, SIZE, 255), mask)


def test_a_flip_mirrors_image_and_mask_alike() -> None:
    """Half of the draws are mirrored exactly, the others not at all."""
    image, mask = image_and_mask()
    ranges = Ranges(True, False, (1.0, 1.0), 0.0, 0.0, 0.0, 0.0)
    seen = set()
    for index in range(12):
        matrix, colour = (array[None] for array in draw_transform(ranges, SIZE, SIZE, 0, 0, index))
        warped = np.asarray(transform_masks(mask, matrix, SIZE, 255))
        seen.add(flipped := bool((warped != mask).any()))
        step = -1 if flipped else 1
        np.testing.assert_array_equal(warped, mask[:, :, ::step])
        np.testing.assert_allclose(transform_images(image, matrix, colour, SIZE), image[:, :, ::step], atol=1e-3)
    assert seen == {True, False}


@pytest.mark.parametrize("crop", [(6, 8), (4, 5)])
def test_masks_get_no_new_ids_and_black_is_ignored(crop: tuple[int, int]) -> None:
    """After any transform the mask holds old ids or the ignore id, and all from outside the image is ignored."""
    _, mask = image_and_mask()
    white = np.full((1, *SIZE, 3), 200, np.float32)
    no_colour = np.array([[0, 1, 1]], np.float32)
    for index in range(20):
        matrix = draw_transform(ALL, SIZE, crop, 1, 0, index)[0][None]
        warped = np.asarray(transform_masks(mask, matrix, crop, 255))
        assert warped.shape == (1, *crop) and set(np.unique(warped)) <= {*range(12), 255}
        outside = np.asarray(transform_images(white, matrix, no_colour, crop)).max(axis=-1) == 0
        assert (warped[outside] == 255).all()


def test_colours_stay_in_range() -> None:
    """The strongest shifts are clipped to [0, 255]."""
    image, _ = image_and_mask()
    matrix = draw_transform(NONE, SIZE, SIZE, 0, 0, 0)[0][None]
    for colour in ([255, 1.3, 1.4], [-255, 0.7, 0.6]):
        recoloured = np.asarray(transform_images(image, matrix, np.array([colour], np.float32), SIZE))
        assert recoloured.min() >= 0 and recoloured.max() <= 255
