"""Augmentation as a function of (seed, epoch, index)."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.training.augment import (
    Ranges,
    draw_mix,
    draw_order,
    draw_pixel,
    draw_transform,
    paste_classes,
    transform_images,
    transform_masks,
)

NONE = Ranges(False, False, (1.0, 1.0), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
ALL = Ranges(True, True, (0.5, 2.0), 30.0, 0.2, 0.3, 0.4, 0.0, 0.0, 0.0, 0.0)
SIZE = (6, 8)


def image_and_mask() -> tuple[np.ndarray, np.ndarray]:
    """An image whose grey value is its mask's id, times 20."""
    mask = np.arange(SIZE[0] * SIZE[1], dtype=np.int32).reshape(1, *SIZE) % 12
    return np.repeat(mask[..., None] * 20.0, 3, axis=-1).astype(np.float32), mask


@given(st.integers(0, 2**32), st.integers(0, 999), st.integers(0, 10**6))
def test_the_same_place_draws_the_same(seed: int, epoch: int, index: int) -> None:
    """No call before changes what is drawn; another seed, epoch or index draws something else."""
    drawn: Any = draw_transform(ALL, SIZE, SIZE, None, seed, epoch, index)
    draw_order(5, seed, epoch)
    for left, right in zip(drawn, draw_transform(ALL, SIZE, SIZE, None, seed, epoch, index), strict=True):
        np.testing.assert_array_equal(left, right)
    for other in ((seed + 1, epoch, index), (seed, epoch + 1, index), (seed, epoch, index + 1)):
        assert not np.array_equal(drawn[0], draw_transform(ALL, SIZE, SIZE, None, *other)[0])


def test_each_epoch_has_an_order_of_its_own() -> None:
    """An order visits each sample once, and the next epoch visits them differently."""
    first, second = draw_order(50, 0, 0), draw_order(50, 0, 1)
    assert sorted(first) == sorted(second) == list(range(50)) and list(first) != list(second)


def test_nothing_drawn_changes_nothing() -> None:
    """With all ranges off, images and masks come back as they were."""
    image, mask = image_and_mask()
    matrix, colour = (array[None] for array in draw_transform(NONE, SIZE, SIZE, None, 0, 0, 0))
    np.testing.assert_allclose(transform_images(image, matrix, colour, SIZE), image, atol=1e-3)
    np.testing.assert_array_equal(transform_masks(mask, matrix, SIZE, 255), mask)


def test_a_flip_mirrors_image_and_mask_alike() -> None:
    """Half of the draws are mirrored exactly, the others not at all."""
    image, mask = image_and_mask()
    ranges = replace(NONE, flip_horizontal=True)
    seen = set()
    for index in range(12):
        matrix, colour = (array[None] for array in draw_transform(ranges, SIZE, SIZE, None, 0, 0, index))
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
        matrix = draw_transform(ALL, SIZE, crop, None, 1, 0, index)[0][None]
        warped = np.asarray(transform_masks(mask, matrix, crop, 255))
        assert warped.shape == (1, *crop) and set(np.unique(warped)) <= {*range(12), 255}
        outside = np.asarray(transform_images(white, matrix, no_colour, crop)).max(axis=-1) == 0
        assert (warped[outside] == 255).all()


def test_colours_stay_in_range() -> None:
    """The strongest shifts are clipped to [0, 255]."""
    image, _ = image_and_mask()
    matrix = draw_transform(NONE, SIZE, SIZE, None, 0, 0, 0)[0][None]
    for colour in ([255, 1.3, 1.4], [-255, 0.7, 0.6]):
        recoloured = np.asarray(transform_images(image, matrix, np.array([colour], np.float32), SIZE))
        assert recoloured.min() >= 0 and recoloured.max() <= 255


def test_gamma_and_white_balance_by_hand() -> None:
    """A light of (exponent 2, factors 2, 1, .5) on grey levels of 51, after a shift of 51, and never above 255."""
    matrices = np.array([[1, 0, 0, 0, 1, 0, 0, 0]], np.float32)
    images = np.full((1, 4, 5, 3), 51, np.float32)
    for shift, expected in ((51, (81.6, 40.8, 20.4)), (153, (255, 163.2, 81.6))):
        colours = np.array([[shift, 1, 1, 2, 2, 1, 0.5]], np.float32)
        changed = np.asarray(transform_images(images, matrices, colours, (4, 5)))
        np.testing.assert_allclose(changed[0, 1, 1], expected, rtol=1e-5)


def test_gamma_and_white_balance_are_drawn_within_their_ranges() -> None:
    """Evenly in the logarithm, up to the range either way; all other numbers stay."""
    ranges = replace(ALL, gamma=0.5, white_balance=0.2)
    drawn = np.array([draw_transform(ranges, SIZE, (4, 5), None, 1, 2, index)[1] for index in range(400)])
    plain = [draw_transform(ALL, SIZE, (4, 5), None, 1, 2, index)[1] for index in range(400)]
    np.testing.assert_array_equal(drawn[:, :3], plain)
    logs = np.log(drawn[:, 3:]) / np.log([1.5, 1.2, 1.2, 1.2])
    assert (abs(logs) <= 1.0001).all() and (abs(logs).max(axis=0) > 0.98).all()
    assert (abs(logs.mean(axis=0)) < 0.1).all() and (abs(np.corrcoef(logs.T) - np.eye(4)) < 0.2).all()


def test_the_numbers_that_are_drawn_stay() -> None:
    """The bits of trainings follow from them; these were drawn before there were crops around a pixel."""
    matrix, colour = draw_transform(ALL, SIZE, (4, 5), None, 1, 2, 3)
    expected = (-1.1383309, 0.08441337, 6.0768065, 0.08441337, 1.1383309, 0.29007903, 0, 0)
    np.testing.assert_allclose(matrix, expected, rtol=1e-6)
    np.testing.assert_allclose(colour, (-28.3309, 1.1596442, 0.988894), rtol=1e-6)


def test_a_pixel_is_of_a_class_drawn_by_its_rarity() -> None:
    """Of the classes in the mask only, however few pixels they have; ignored pixels are never drawn."""
    mask = np.full(SIZE, 255, np.uint8)
    mask[2], mask[4, 5] = 0, 1
    rarity = np.array([1.0, 3.0, 100.0])
    pixels = [draw_pixel(0.5, mask, rarity, 7, 0, index) for index in range(2000)]
    assert pixels == [draw_pixel(0.5, mask, rarity, 7, 0, index) for index in range(2000)]
    ids = [int(mask[pixel[1], pixel[0]]) for pixel in pixels if pixel]
    assert len(ids) == pytest.approx(1000, abs=100) and ids.count(0) + ids.count(1) == len(ids)
    assert ids.count(1) / len(ids) == pytest.approx(3 / 4, abs=0.06)
    assert {pixel for pixel in pixels if pixel} == {*((x, 2) for x in range(SIZE[1])), (5, 4)}


def test_no_pixel_is_drawn_from_nothing() -> None:
    """With a share of 0, or in a mask that is ignored as a whole."""
    nothing, something = np.full(SIZE, 255, np.uint8), np.zeros(SIZE, np.uint8)
    assert not any(draw_pixel(0.0, something, np.ones(1), 0, 0, index) for index in range(100))
    assert not any(draw_pixel(1.0, nothing, np.ones(1), 0, 0, index) for index in range(100))


@pytest.mark.parametrize("pixel", [(0, 0), (7, 5), (4, 3), (6, 1)])
def test_a_crop_is_centred_on_its_pixel_as_far_as_the_image_goes(pixel: tuple[int, int]) -> None:
    """Each pixel is in its crop, in the middle where there is room, and nothing comes from outside the image."""
    mask = np.zeros((1, *SIZE), np.int32)
    mask[0, pixel[1], pixel[0]] = 1
    matrix = draw_transform(NONE, SIZE, (3, 5), pixel, 0, 0, 0)[0][None]
    ((y, x),) = np.argwhere(np.asarray(transform_masks(mask, matrix, (3, 5), 255))[0] == 1)
    middle = (min(max(pixel[0], 2), 5), min(max(pixel[1], 1), 4))
    assert (x - 2, y - 1) == (pixel[0] - middle[0], pixel[1] - middle[1])


def test_a_crop_around_a_pixel_changes_nothing_else() -> None:
    """Zoom, turn and colours stay those of the sample; a crop that is larger than the image covers it as before."""
    for index in range(20):
        matrix, colour = draw_transform(ALL, SIZE, (6, 8), None, 0, 0, index)
        around, same_colour = draw_transform(ALL, SIZE, (6, 8), (7, 5), 0, 0, index)
        np.testing.assert_array_equal(np.delete(around, (2, 5)), np.delete(matrix, (2, 5)))
        np.testing.assert_array_equal(same_colour, colour)


def test_half_of_the_classes_of_another_sample_are_pasted() -> None:
    """Two of the three that it has; each sample and each class is drawn at times, and the share is kept."""
    masks = np.array([[[0, 1], [2, 255]]] * 4, np.uint8)
    drawn = [draw_mix(0.5, masks, 5, 0, 1, index) for index in range(400)]
    pasted = np.array([row for _, row in drawn])
    assert {other for other, _ in drawn} == {0, 1, 2, 3}
    assert set(pasted.sum(axis=1)) == {0, 2} and 160 < (pasted.sum(axis=1) == 2).sum() < 240
    assert (pasted[:, :3].sum(axis=0) > 100).all() and not pasted[:, 3:].any()
    assert not draw_mix(1.0, np.full((1, 2, 2), 255), 5, 0, 1, 0)[1].any()


def test_pasting_by_hand() -> None:
    """The pixels of class 1 alone; ignored ones are never pasted, and a sample with nothing to paste stays."""
    masks = np.array([[[0, 0, 2]], [[0, 0, 2]]], np.int32)
    other_masks = np.array([[[1, 255, 0]], [[1, 255, 0]]], np.int32)
    images, others = np.zeros((2, 1, 3, 3), np.float32), np.ones((2, 1, 3, 3), np.float32)
    pasted = np.array([[False, True, False, False], [False] * 4])
    mixed, targets = (np.asarray(one) for one in paste_classes(images, masks, others, other_masks, pasted))
    assert targets.tolist() == [[[1, 0, 2]], [[0, 0, 2]]]
    np.testing.assert_array_equal(mixed, (targets == 1)[..., None] * np.ones(3))
