"""The recipe that fits a budget: the network, working size, crop and batch, from what a step costs."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

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
class Choice:
    """A network that a recipe may have.

    Attributes:
        network: `train.network` of params.
        reason: why, in one line.
        units: cost of a pixel in training, as `Recipe.core_s` counts.
        rank: what it is worth, in doublings of channels.
        min_side_px: shortest side of a crop.
        seen_share: images that its training must see, as a share of those that one from random weights must.
        least_s: shortest training, seconds, for which it is chosen; to make its graph takes long in several stages.
    """

    network: Mapping[str, Any]
    reason: str
    units: float
    rank: float
    min_side_px: int = MIN_SIDE_PX
    seen_share: float = 1.0
    least_s: float = 0.0


PUBLISHED = Choice(
    {
        **{"name": "encoder_swiftnet", "encoder": "efficientnet_lite0", "encoder_weights": "imagenet"},
        **{"encoder_weights_md5": "", "grids": [8, 4, 2], "context_channels": 64, "dropout": 0.1},
    },
    "starts from ImageNet's weights; mind the licence of its images; docs/networks.md",
    units=17.5,
    rank=7,
    min_side_px=64,
    seen_share=0.5,
    least_s=100.0,
)
"""What has the highest scores in docs/networks.md. A step costs less than that of a U-Net of width 16.

On CamVid's drive 0006R0 it had .475, a U-Net of width 32 .419. On the demo it was ahead of all others after 10 epochs,
where they had 20. So it counts like two doublings of that U-Net, which is a judgement. Import, run and promotion of 72
images took two cores 70 s longer than with a U-Net.
"""


@dataclass(frozen=True)
class Recipe:
    """What a training step costs, by its shape.

    Attributes:
        size: (height, width), the working size, pixels.
        crop: (height, width), pixels.
        choice: the network.
        keeps_objects: whether the smallest objects have `MIN_OBJECT_PX` at this size.
    """

    size: tuple[int, int]
    crop: tuple[int, int]
    batch_size: int
    choice: Choice
    keeps_objects: bool

    @property
    def core_s(self) -> float:
        """Seconds of a training step on one image, on one core such as `CORE_S_PER_PX` was measured on."""
        return CORE_S_PER_PX * self.choice.units * math.prod(self.crop)

    @property
    def val_share(self) -> float:
        """Cost of a whole image in validation, a forward pass, as a share of its cost in training."""
        return math.prod(self.size) / math.prod(self.crop) / PASSES

    @property
    def _quality(self) -> tuple[float, float]:
        """Order of preference: kept objects, then twice the channels like 1.4 times the length; no measured law."""
        length = min(max(self.size), ENOUGH_SIDE_PX)
        return self.keeps_objects + self.choice.rank + 2 * math.log2(length), self.choice.rank


def choose_recipe(
    size: tuple[int, int],
    object_px: float,
    num_train: int,
    max_core_s: float,
    max_batch_px: float,
    budget_s: float = math.inf,
    fixed: Choice | None = None,
) -> Recipe:
    """The best recipe within the budget; the cheapest if none is.

    Args:
        size: (height, width) of the images, pixels.
        object_px: side of the smallest objects, pixels.
        num_train: images that are trained on.
        max_core_s: of a training step on one image, as `Recipe.core_s` counts, from random weights.
        max_batch_px: pixels of a batch of crops that fit into memory.
        budget_s: seconds for the whole training.
        fixed: the network, if a person has chosen it.
    """
    listed = list(_list_recipes(size, object_px, num_train, max_batch_px, fixed))
    recipes = [recipe for recipe in listed if min(recipe.crop) >= recipe.choice.min_side_px] or listed[:1]
    fitting = [recipe for recipe in recipes if math.prod(recipe.crop) <= max_batch_px]
    affordable = [
        recipe
        for recipe in fitting
        if recipe.core_s * recipe.choice.seen_share <= max_core_s and recipe.choice.least_s <= budget_s
    ]
    return max(affordable, key=lambda recipe: recipe._quality) if affordable else min(recipes, key=lambda r: r.core_s)


def _list_recipes(
    size: tuple[int, int], object_px: float, num_train: int, max_batch_px: float, fixed: Choice | None
) -> Iterator[Recipe]:
    for scale in (one * min(1, MAX_SIDE_PX / max(size)) for one in SCALES):
        height, width = (_to_multiple(side * scale) for side in size)
        crop = _crop_of(height), _crop_of(width)
        largest = max(1, min(BATCH_SIZE, num_train / 4, max_batch_px / math.prod(crop)))
        batch_size = 1 << int(math.log2(largest))
        for choice in [fixed] if fixed else [*_list_unets(crop), PUBLISHED]:
            yield Recipe((height, width), crop, batch_size, choice, object_px * scale >= MIN_OBJECT_PX)


def _list_unets(crop: tuple[int, int]) -> Iterator[Choice]:
    """U-Nets of some widths, as deep as the crop allows.

    Products grow with the square of the channels, traffic of memory with the channels: at widths of 8, 16 and 32 a
    pixel took 1, 2.1 and 5.8 times as long.
    """
    levels = min(MAX_LEVELS, max(MIN_LEVELS, int(math.log2(min(crop) / LOWEST_SIDE_PX))))
    for width in WIDTHS:
        network = {"name": "unet", "num_levels": levels, "width": width, "dropout": 0.0}
        reason = f"halved {levels} times, the crop's side is {min(crop) >> levels} px; as wide as the time allows"
        units = (width + width**2 / 32) * (levels + 1) / (MAX_LEVELS + 1)
        yield Choice(network, reason, units, math.log2(width))


def _to_multiple(side: float) -> int:
    return max(MIN_SIDE_PX, MULTIPLE * int(side / MULTIPLE + 0.5))


def _crop_of(side: int) -> int:
    return side if side <= 2 * MIN_SIDE_PX else _to_multiple(CROP_SHARE * side)
