"""Batches of an epoch, made on the host while the device computes."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from pipeline.dataset.packed import Packed
from pipeline.runtime.parallel import in_threads
from pipeline.training.augment import Ranges, draw_order, draw_transform


class EpochBatches:
    """The whole batches of one epoch: images and masks as packed, with the transforms that the device applies.

    An item is a dict of `images` (B, H, W, 3) uint8, `masks` (B, H, W) uint8, `matrices` (B, 8) and `colours` (B, 3)
    float32. Samples that do not fill a batch are left out; in the next epoch they are others.
    """

    def __init__(
        self, packed: Packed, ranges: Ranges, crop: tuple[int, int], batch_size: int, seed: int, epoch: int
    ) -> None:
        self.packed, self.ranges, self.crop = packed, ranges, crop
        self.batch_size, self.seed, self.epoch = batch_size, seed, epoch
        self.order = draw_order(len(packed), seed, epoch)

    def __len__(self) -> int:
        return len(self.packed) // self.batch_size

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self.from_step(0)

    def from_step(self, step: int) -> Iterator[dict[str, Any]]:
        """The batches from a step on, in order, made ahead in a thread; a batch is a function of its step alone."""
        return in_threads(self.__getitem__, range(step, len(self)), num_threads=1)

    def __getitem__(self, step: int) -> dict[str, Any]:
        indices = self.order[step * self.batch_size : (step + 1) * self.batch_size]
        size = self.packed.masks.shape[1:]
        drawn = [draw_transform(self.ranges, size, self.crop, self.seed, self.epoch, int(i)) for i in indices]
        return {
            "images": self.packed.images[indices],
            "masks": self.packed.masks[indices],
            "matrices": np.stack([matrix for matrix, _ in drawn]),
            "colours": np.stack([colour for _, colour in drawn]),
        }
