"""Batches of an epoch, made on the host while the device computes."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from pipeline.dataset.packed import Packed
from pipeline.runtime.parallel import in_threads
from pipeline.training.augment import Ranges, draw_mix, draw_order, draw_pixel, draw_transform


class EpochBatches:
    """The whole batches of one epoch: images and masks as packed, with the transforms that the device applies.

    An item is a dict of `images` (B, H, W, 3) uint8, `masks` (B, H, W) uint8, `matrices` (B, 8) and `colours`
    (B, 3 or 7) float32. Samples that do not fill a batch are left out; in the next epoch they are others. `rarity` is
    that of `draw_pixel`. With `class_mix` there are also `other_images` to `other_colours`, samples to paste from, and
    `pasted` (B, K + 1) bool of `draw_mix`. In the first `small_epochs`, images, masks and `crop` have half of the size.
    """

    def __init__(
        self,
        packed: Packed,
        ranges: Ranges,
        crop: tuple[int, int],
        rarity: np.ndarray,
        batch_size: int,
        seed: int,
        epoch: int,
        small_epochs: int = 0,
    ) -> None:
        self.packed, self.ranges, self.rarity = packed, ranges, rarity
        self.is_small = epoch < small_epochs
        self.crop = (crop[0] // 2, crop[1] // 2) if self.is_small else crop
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
        batch = self._draw(indices, indices)
        if not self.ranges.class_mix:
            return batch
        drawn = [self._draw_mix(int(index)) for index in indices]
        others = self._draw(np.array([other for other, _ in drawn]), len(self.packed) + indices)
        others = {f"other_{name}": array for name, array in others.items()}
        return {**batch, **others, "pasted": np.stack([pasted for _, pasted in drawn])}

    def _draw(self, indices: np.ndarray, counters: np.ndarray) -> dict[str, Any]:
        """Samples by their places, each with its transform, which follows from its counter."""
        images, masks = self.packed.images[indices], self.packed.masks[indices]
        if self.is_small:
            images, masks = halve(images), masks[:, 1::2, 1::2]
        drawn = [self._draw_one(mask, int(counter)) for mask, counter in zip(masks, counters, strict=True)]
        return {
            "images": images,
            "masks": masks,
            "matrices": np.stack([matrix for matrix, _ in drawn]),
            "colours": np.stack([colour for _, colour in drawn]),
        }

    def _draw_one(self, mask: np.ndarray, counter: int) -> tuple[np.ndarray, np.ndarray]:
        """The matrix and the colours of a sample."""
        place = self.seed, self.epoch, counter
        around = draw_pixel(self.ranges.rare_class_share, mask, self.rarity, *place)
        return draw_transform(self.ranges, mask.shape, self.crop, around, *place)

    def _draw_mix(self, index: int) -> tuple[int, np.ndarray]:
        place = self.seed, self.epoch, index
        return draw_mix(self.ranges.class_mix, self.packed.masks, len(self.rarity), *place)


def halve(images: np.ndarray) -> np.ndarray:
    """(N, H, W, C) uint8 to (N, H // 2, W // 2, C): means of four pixels, .5 rounded up; a last odd row is left out."""
    height, width = (side // 2 * 2 for side in images.shape[1:3])
    wide = images[:, :height, :width].astype(np.uint16)
    rows = wide[:, ::2] + wide[:, 1::2]
    return ((rows[:, :, ::2] + rows[:, :, 1::2] + 2) >> 2).astype(np.uint8)
