"""Batches of an epoch."""

import numpy as np

from pipeline.dataset.packed import Packed
from pipeline.training.augment import Ranges
from pipeline.training.batches import EpochBatches

RANGES = Ranges(True, False, (0.8, 1.2), 0.0, 0.1, 0.1, 0.1)


def batches(epoch: int) -> EpochBatches:
    """Seven samples in batches of two; the pixels of a sample are its index."""
    index = np.arange(7, dtype=np.uint8)[:, None, None]
    masks = np.broadcast_to(index, (7, 4, 4))
    return EpochBatches(Packed(np.repeat(masks[..., None], 3, -1), masks), RANGES, (4, 4), 2, seed=3, epoch=epoch)


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
