"""Resizing with the same result on every machine: of images by exact sums, of masks by nearest neighbour.

The axes of an image are resized one after the other, rows first: by area average if they shrink, bilinear (half-pixel
centres) if they grow. Weights are multiples of 1/4096 that sum to 1, and rows are kept in multiples of 1/16 between the
two axes. So each product and each sum is a whole number below 2^24. float32 holds it exactly, in any order of the sums:
NumPy, TensorFlow (`pipeline.serving.saved_model.resize_images`) and a GPU give the same pixels.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from pipeline.vision.opencv import cv2

ONE = 1 << 12
"""The sum of an output pixel's weights."""
ROW_STEPS = 1 << 4
"""Steps per grey level to which rows are rounded before the columns are resized."""


class Taps(NamedTuple):
    """The input pixels and weights of each output pixel of an axis.

    Attributes:
        indices: (K, n) int64, input pixels.
        weights: (K, n) int64 in [0, 4096]; the sum over K is 4096.
    """

    indices: np.ndarray
    weights: np.ndarray


@cache
def find_taps(length: int, new_length: int) -> Taps:
    """The input pixels and weights of an axis of `length` pixels that is resized to `new_length`."""
    place = np.arange(new_length, dtype=np.int64)
    if new_length > length:  # bilinear: the centre of output pixel i lies at ((2i + 1) * length - new) / 2 new
        first, past = np.divmod((2 * place + 1) * length - new_length, 2 * new_length)
        second_weight = (past * ONE + new_length) // (2 * new_length)
        indices, weights = np.stack([first, first + 1]), np.stack([ONE - second_weight, second_weight])
    else:  # area: input pixel j covers [j * new, (j + 1) * new), output pixel i covers [i * length, (i + 1) * length)
        first = place * length // new_length
        edges = first + np.arange(-(-length // new_length) + 2)[:, None]  # (K + 1, n)
        covered = np.clip(edges * new_length - place * length, 0, length)
        indices, weights = edges[:-1], np.diff((covered * ONE + length // 2) // length, axis=0)
    return Taps(indices.clip(0, length - 1), weights)


def resize_image(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resizes (H, W, C) uint8 to `size` (height, width), pixels; the SavedModel's graph holds the same steps."""
    if image.shape[:2] == size:
        return image
    rows = _weigh(image, find_taps(image.shape[0], size[0]), axis=0)
    rows = np.floor((rows + ONE / ROW_STEPS / 2) / (ONE / ROW_STEPS))  # whole sixteenths
    pixels = _weigh(rows, find_taps(image.shape[1], size[1]), axis=1)
    return np.floor((pixels + ONE * ROW_STEPS / 2) / (ONE * ROW_STEPS)).astype(np.uint8)


def resize_mask(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resizes (H, W) ids to `size` (height, width) by nearest neighbour; no new id can appear."""
    if mask.shape == size:
        return mask
    return np.asarray(cv2.resize(mask, (size[1], size[0]), interpolation=cv2.INTER_NEAREST_EXACT))


def _weigh(pixels: np.ndarray, taps: Taps, axis: int) -> np.ndarray:
    """Sum over K of weight * pixel, float32; the axis has its new length."""
    shape = [-1 if own == axis else 1 for own in range(pixels.ndim)]
    total: np.ndarray = np.zeros((), np.float32)
    for indices, weights in zip(*taps, strict=True):
        total = total + weights.astype(np.float32).reshape(shape) * pixels.take(indices, axis)
    return total
