"""The recipe that fits a budget: working size, crop, batch, depth and width of the U-Net, from what a step costs."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

MULTIPLE = 16
"""Sides of working size and crop, pixels: a U-Net of 4 levels halves them 4 times."""
SCALES = (1, 0.75, 0.5, 0.375, 0.25, 0.1875, 0.125, 0.09375, 0.0625)
WIDTHS = (32, 16, 8)
MAX_SIDE_PX, ENOUGH_SIDE_PX, MIN_SIDE_PX = 1024, 384, 32
MIN_OBJECT_PX = 3
"""Of the smallest objects at the working size; smaller ones can hardly be told from their neighbours."""
CROP_SHARE = 0.75
BATCH_SIZE = 8
MAX_LEVELS, MIN_LEVELS, LOWEST_SIDE_PX = 4, 2, 6
PASSES = 3
"""A training step costs about three passes: the forward one, and twice as much for the gradients."""
CORE_S_PER_PX = 0.33e-6
"""Of a pixel for each unit of `Recipe.core_s`, on a core of an AMD EPYC with AVX2, float32."""


@dataclass(frozen=True)
class Recipe:
    """What a training step costs, by its shape.

    Attributes:
        size: (height, width), the working size, pixels.
        crop: (height, width), pixels.
        width: channels of the U-Net's first level.
        keeps_objects: whether the smallest objects have `MIN_OBJECT_PX` at this size.
    """

    size: tuple[int, int]
    crop: tuple[int, int]
    batch_size: int
    num_levels: int
    width: int
    keeps_objects: bool

    @property
    def core_s(self) -> float:
        """Seconds of a training step on one image, on one core such as `CORE_S_PER_PX` was measured on.

        Products grow with the square of the channels, traffic of memory with the channels: at widths of 8, 16 and 32 a
        pixel took 1, 2.1 and 5.8 times as long.
        """
        units = (self.width + self.width**2 / 32) * (self.num_levels + 1) / (MAX_LEVELS + 1)
        return CORE_S_PER_PX * units * math.prod(self.crop)

    @property
    def val_share(self) -> float:
        """Cost of a whole image in validation, a forward pass, as a share of its cost in training."""
        return math.prod(self.size) / math.prod(self.crop) / PASSES

    @property
    def _quality(self) -> tuple[float, int]:
        """Order of preference: kept objects, then twice the channels like 1.4 times the length; no measured law."""
        length = min(max(self.size), ENOUGH_SIDE_PX)
        return self.keeps_objects + math.log2(self.width) + 2 * math.log2(length), self.width


def choose_recipe(
    size: tuple[int, int], object_px: float, num_train: int, max_core_s: float, max_batch_px: float
) -> Recipe:
    """The best recipe within the budget; the cheapest if none is.

    Args:
        size: (height, width) of the images, pixels.
        object_px: side of the smallest objects, pixels.
        num_train: images that are trained on.
        max_core_s: of a training step on one image, as `Recipe.core_s` counts.
        max_batch_px: pixels of a batch of crops that fit into memory.
    """
    recipes = list(_list_recipes(size, object_px, num_train, max_batch_px))
    fitting = [recipe for recipe in recipes if math.prod(recipe.crop) <= max_batch_px]
    affordable = [recipe for recipe in fitting if recipe.core_s <= max_core_s]
    return max(affordable, key=lambda recipe: recipe._quality) if affordable else min(recipes, key=lambda r: r.core_s)


def _list_recipes(size: tuple[int, int], object_px: float, num_train: int, max_batch_px: float) -> Iterator[Recipe]:
    for scale in (one * min(1, MAX_SIDE_PX / max(size)) for one in SCALES):
        height, width = (_to_multiple(side * scale) for side in size)
        crop = _crop_of(height), _crop_of(width)
        levels = min(MAX_LEVELS, max(MIN_LEVELS, int(math.log2(min(crop) / LOWEST_SIDE_PX))))
        largest = max(1, min(BATCH_SIZE, num_train / 4, max_batch_px / math.prod(crop)))
        batch_size = 1 << int(math.log2(largest))
        for channels in WIDTHS:
            yield Recipe((height, width), crop, batch_size, levels, channels, object_px * scale >= MIN_OBJECT_PX)


def _to_multiple(side: float) -> int:
    return max(MIN_SIDE_PX, MULTIPLE * int(side / MULTIPLE + 0.5))


def _crop_of(side: int) -> int:
    return side if side <= 2 * MIN_SIDE_PX else _to_multiple(CROP_SHARE * side)
