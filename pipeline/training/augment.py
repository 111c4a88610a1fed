"""Order and augmentation as functions of (seed, epoch, index): drawn on the host, done on the device."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

ORDER, SAMPLE, RARE, MIX = 0, 1, 2, 3
"""Purposes of random numbers; each has counters of its own."""
LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in grey (ITU-R BT.601)."""
NUM_COLOURS = 3
"""Brightness, contrast and saturation."""


@dataclass(frozen=True)
class Ranges:
    """Ranges of the random transforms.

    Attributes:
        flip_horizontal: mirror left and right in half of the cases.
        flip_vertical: mirror top and bottom in half of the cases.
        scale: (smallest, largest) zoom, drawn evenly in its logarithm.
        rotate_deg: largest turn either way, degrees.
        brightness: largest shift, share of the whole range.
        contrast: largest deviation of the factor from 1.
        saturation: largest deviation of the factor from 1.
        gamma: the exponent of the light is between 1 / (1 + this) and 1 + this, drawn evenly in its logarithm.
        white_balance: so is the factor of each channel.
        rare_class_share: share of the samples whose crop is around a pixel of `draw_pixel`.
        class_mix: share of the samples over which classes of another one are pasted, as `draw_mix` has it.
    """

    flip_horizontal: bool
    flip_vertical: bool
    scale: tuple[float, float]
    rotate_deg: float
    brightness: float
    contrast: float
    saturation: float
    gamma: float
    white_balance: float
    rare_class_share: float
    class_mix: float


def draw_order(num_images: int, seed: int, epoch: int) -> np.ndarray:
    """(num_images,) the order of an epoch's samples."""
    return _generator(seed, epoch, ORDER, 0).permutation(num_images)


def draw_pixel(
    share: float, mask: np.ndarray, rarity: np.ndarray, seed: int, epoch: int, index: int
) -> tuple[int, int] | None:
    """A pixel of a class that is rather rare, from (seed, epoch, index) and the mask alone.

    Args:
        share: share of the samples that get one.
        mask: (H, W) uint8 class ids; ids from K on are not drawn.
        rarity: (K,) weights; a class of the mask is drawn in proportion to its own, and a pixel of the class evenly.
        seed: seed of the training.
        epoch: counted from 0.
        index: place of the sample in its packed array.

    Returns:
        (x, y); None: the sample gets none, or no class is in its mask.
    """
    random = _generator(seed, epoch, RARE, index)
    if random.random() >= share:
        return None
    weights = np.where(np.bincount(mask.ravel(), minlength=len(rarity))[: len(rarity)], rarity, 0.0)
    if not weights.any():
        return None
    class_id = random.choice(len(weights), p=weights / weights.sum())
    y, x = divmod(int(random.choice(np.flatnonzero(mask == class_id))), mask.shape[1])
    return x, y


def draw_mix(
    share: float, masks: np.ndarray, num_classes: int, seed: int, epoch: int, index: int
) -> tuple[int, np.ndarray]:
    """Another sample, and half of its classes, rounded up (ClassMix; Olsson et al., 2021).

    Args:
        share: share of the samples that get some.
        masks: (N, H, W) uint8 class ids of all samples.
        num_classes: number K of classes.
        seed: seed of the training.
        epoch: counted from 0.
        index: place of the sample that is pasted over.

    Returns:
        Place of the other sample, and (K + 1,) bool: ids to paste; the last is that of ignored pixels, and False.
    """
    random = _generator(seed, epoch, MIX, index)
    pasted = np.zeros(num_classes + 1, bool)
    is_mixed, other = random.random() < share, int(random.integers(len(masks)))
    if is_mixed:
        present = np.flatnonzero(np.bincount(masks[other].ravel(), minlength=num_classes)[:num_classes])
        pasted[random.permutation(present)[: (len(present) + 1) // 2]] = True
    return other, pasted


def draw_transform(
    ranges: Ranges,
    size: tuple[int, int],
    crop: tuple[int, int],
    around: tuple[int, int] | None,
    seed: int,
    epoch: int,
    index: int,
) -> tuple[np.ndarray, np.ndarray]:
    """The transform of one sample, from (seed, epoch, index) and `around` alone.

    Args:
        ranges: ranges to draw from.
        size: (height, width) of the packed image.
        crop: (height, width) of the network's input, not above `size`.
        around: pixel (x, y) that the crop is centred on, as far as it can be moved; None: the crop is anywhere.
        seed: seed of the training.
        epoch: counted from 0.
        index: place of the sample in its packed array.

    Returns:
        (8,) float32 projective matrix without its last 1, from output to input pixels (x, y), and
        (3,) or (7,) float32: brightness shift in [0, 255] units, contrast factor, saturation factor; with `gamma` or
        `white_balance` also the exponent and the factors of red, green and blue.
    """
    random = _generator(seed, epoch, SAMPLE, index).random(13)
    zoom = np.exp(np.interp(random[0], (0, 1), np.log(ranges.scale)))
    angle = np.deg2rad(ranges.rotate_deg) * (2 * random[1] - 1)
    mirror_x = -1 if ranges.flip_horizontal and random[2] < 0.5 else 1
    mirror_y = -1 if ranges.flip_vertical and random[3] < 0.5 else 1
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.diag([mirror_x / zoom, mirror_y / zoom])
    room = np.array([size[1] - crop[1] / zoom, size[0] - crop[0] / zoom])
    middle = np.array([size[1] - 1, size[0] - 1]) / 2
    offset = room * (random[4:6] - 0.5)
    if around is not None:
        offset = np.clip(around - middle, -np.abs(room) / 2, np.abs(room) / 2)
    centre = middle + offset
    shift = centre - linear @ np.array([crop[1] - 1, crop[0] - 1]) / 2
    matrix = [*linear[0], shift[0], *linear[1], shift[1], 0, 0]
    colour = [
        255 * ranges.brightness * (2 * random[6] - 1),
        1 + ranges.contrast * (2 * random[7] - 1),
        1 + ranges.saturation * (2 * random[8] - 1),
    ]
    if ranges.gamma or ranges.white_balance:
        largest = np.log1p([ranges.gamma, *3 * [ranges.white_balance]])
        colour += np.exp(largest * (2 * random[9:] - 1)).tolist()
    return np.array(matrix, np.float32), np.array(colour, np.float32)


def transform_images(images: Any, matrices: Any, colours: Any, crop: tuple[int, int]) -> Any:
    """Warps (bilinear, black outside) and recolours images on the device.

    Args:
        images: (N, H, W, 3) float32 in [0, 255].
        matrices: (N, 8) float32 of `draw_transform`.
        colours: (N, 3 or 7) float32 of `draw_transform`.
        crop: (height, width) of the result.

    Returns:
        (N, *crop, 3) float32 in [0, 255].
    """
    warped = ops.image.affine_transform(images, matrices, interpolation="bilinear", fill_mode="constant")
    warped = warped[:, : crop[0], : crop[1]]
    shift, contrast, saturation = (colours[:, i, None, None, None] for i in range(3))
    grey = ops.sum(warped * ops.array(LUMA, "float32"), axis=-1, keepdims=True)
    coloured = grey + (warped - grey) * saturation
    mean = ops.mean(grey, axis=(1, 2), keepdims=True)
    lit = ops.clip(mean + (coloured - mean) * contrast + shift, 0.0, 255.0)
    if colours.shape[1] == NUM_COLOURS:
        return lit
    exponent, factors = colours[:, 3, None, None, None], colours[:, None, None, 4:]
    return ops.clip(255.0 * ops.power(lit / 255.0, exponent) * factors, 0.0, 255.0)


def transform_masks(masks: Any, matrices: Any, crop: tuple[int, int], ignore_id: int) -> Any:
    """Warps masks (N, H, W) int32 to (N, *crop) int32 as `transform_images` does, by nearest neighbour.

    Pixels from outside the image are `ignore_id`.
    """
    wide = ops.cast(masks, "float32")[..., None]
    warped = ops.image.affine_transform(
        wide, matrices, interpolation="nearest", fill_mode="constant", fill_value=float(ignore_id)
    )
    return ops.cast(warped[:, : crop[0], : crop[1], 0], "int32")


def paste_classes(images: Any, masks: Any, others: Any, other_masks: Any, pasted: Any) -> tuple[Any, Any]:
    """Pastes pixels of some classes of other samples over images and masks, on the device.

    Args:
        images: (N, H, W, 3) float32.
        masks: (N, H, W) int32 class ids; others are ignored.
        others: as `images`, to paste from.
        other_masks: as `masks`.
        pasted: (N, K + 1) bool of `draw_mix`.

    Returns:
        Images and masks as given.
    """
    ids = ops.minimum(other_masks, pasted.shape[1] - 1)
    chosen = ops.reshape(ops.take_along_axis(pasted, ops.reshape(ids, (ops.shape(ids)[0], -1)), axis=1), ops.shape(ids))
    return ops.where(chosen[..., None], others, images), ops.where(chosen, other_masks, masks)


def _generator(seed: int, epoch: int, purpose: int, index: int) -> np.random.Generator:
    """Counter-based (Philox; Salmon et al., 2011): a number follows from its place alone."""
    return np.random.Generator(np.random.Philox(key=[seed, epoch], counter=[0, index, purpose, 0]))
