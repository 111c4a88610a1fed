"""Batches of an epoch."""

from dataclasses import replace

import numpy as np

from pipeline.dataset.packed import Packed
from pipeline.training.augment import Ranges
from pipeline.training.batches import EpochBatches, halve

RANGES = Ranges(True, False, (0.8, 1.2), 0.0, 0.1, 0.1, 0.1, 0.0, 0.0, 0.0, 0.0)


def batches(epoch: int) -> EpochBatches:
    """Seven samples in batches of two; the pixels of a sample are its index."""
    index = np.arange(7, dtype=np.uint8)[:, None, None]
    masks = np.broadcast_to(index, (7, 4, 4))
    return EpochBatches(
        Packed(np.repeat(masks[..., None], 3, -1), masks), RANGES, (4, 4), np.ones(7), 2, seed=3, epoch=epoch
    )


def test_an_epoch_shows_each_sample_once_but_for_the_rest() -> None:
    """Whole batches only: three of two, image and mask of one sample together."""
    items = [batches(0)[step] for step in range(len(batches(0)))]
    shown = [int(value) for item in items for value in item["masks"][:, 0, 0]]
    assert len(items) == 3 and len(set(shown)) == 6
    assert all((item["images"][..., 0] == item["masks"]).all() for item in items)


def test_a_step_can_be_had_without_those_before_it() -> None:
    """The third batch is the same whether or not the first two were made."""
    after = [batches(5)[step] for step in range(3)][2]
    alone = batches(5)[2]
    for name, array in after.items():
        np.testing.assert_array_equal(array, alone[name])


def test_threads_change_no_bit() -> None:
    """Batches that threads make ahead, from whatever step on, are those that are made one by one."""
    ahead = list(batches(5).from_step(1))
    assert len(ahead) == 2
    for step, item in enumerate(ahead, 1):
        alone = batches(5)[step]
        assert item.keys() == alone.keys()
        assert all(item[name].tobytes() == alone[name].tobytes() for name in alone)


def test_crops_are_around_pixels_of_rare_classes() -> None:
    """With a share of 1 each crop is centred on the one pixel of the class that is preferred."""
    masks = np.zeros((4, 9, 9), np.uint8)
    places = [(3, 4), (5, 3), (4, 4), (2, 6)]
    for mask, (x, y) in zip(masks, places, strict=True):
        mask[y, x] = 1
    packed, ranges = Packed(np.zeros((4, 9, 9, 3), np.uint8), masks), replace(RANGES, rare_class_share=1.0)
    epoch = EpochBatches(packed, ranges, (3, 3), np.array([0.0, 1.0]), 4, seed=0, epoch=0)
    for index, matrix in zip(epoch.order, epoch[0]["matrices"], strict=True):
        np.testing.assert_allclose(matrix[:6].reshape(2, 3) @ [1, 1, 1], places[index], atol=1e-5)


def test_another_sample_comes_with_each_to_be_pasted_over_it() -> None:
    """Its pixels and its mask belong together, and it has a transform of its own; all else stays."""
    epoch = batches(0)
    plain, epoch.ranges = epoch[0], replace(RANGES, class_mix=1.0)
    mixed = epoch[0]
    assert all(mixed[name].tobytes() == plain[name].tobytes() for name in plain)
    assert (mixed["other_images"][..., 0] == mixed["other_masks"]).all()
    assert (mixed["other_matrices"] != mixed["matrices"]).any(axis=1).all()
    assert mixed["pasted"].shape == (2, 8) and mixed["pasted"].dtype == bool


def test_the_first_epochs_have_half_of_the_size() -> None:
    """Images, masks and crop, also of the samples that are pasted; later epochs are those without the option."""
    packed, ranges = batches(0).packed, replace(RANGES, class_mix=1.0)
    small, whole = (EpochBatches(packed, ranges, (4, 4), np.ones(7), 2, 3, epoch, small_epochs=1) for epoch in (0, 1))
    assert (small.crop, whole.crop) == ((2, 2), (4, 4))
    for prefix in ("", "other_"):
        assert small[0][f"{prefix}images"].shape == (2, 2, 2, 3) and small[0][f"{prefix}masks"].shape == (2, 2, 2)
    plain = EpochBatches(packed, ranges, (4, 4), np.ones(7), 2, 3, 1)
    assert all(whole[2][name].tobytes() == array.tobytes() for name, array in plain[2].items())


def test_half_of_an_image_has_the_means_of_four_pixels() -> None:
    """By a slow loop; a last odd row or column is left out."""
    images = np.random.default_rng(0).integers(0, 256, (2, 5, 7, 3)).astype(np.uint8)
    found = halve(images)
    assert found.shape == (2, 2, 3, 3) and found.dtype == np.uint8
    for y in range(2):
        for x in range(3):
            four = images[:, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2].astype(float).mean(axis=(1, 2))
            np.testing.assert_array_equal(found[:, y, x], np.floor(four + 0.5))
