"""The fully connected CRF of DeepLab: labels agree with those of pixels that are near and of the same colour."""

import itertools
import math
from collections.abc import Callable

import numpy as np
from scipy.special import softmax

from pipeline.serving.lattice import Lattice
from pipeline.serving.model_card import DenseCrf

MIN_PROB = 1e-6
"""Below, a class could never come back, whatever the pixels around say."""

TILE_PX = 1024
"""Larger images are refined in tiles, which bounds the memory: 2 GB for a dozen classes."""

Message = Callable[[np.ndarray], np.ndarray]


def refine(image: np.ndarray, probs: np.ndarray, settings: DenseCrf) -> np.ndarray:
    """Mean-field marginals (H, W, K) float32 of the CRF of Kraehenbuehl and Koltun (2011).

    Its unary term is -log(probs). Its pairwise term is Potts' with two Gaussian kernels: one of position and colour,
    one of position alone. Each kernel is normalised symmetrically, as in the authors' code. A tile sees two standard
    deviations of the position around it, half of a tile at most.

    Args:
        image: (H, W, 3) uint8 RGB.
        probs: (H, W, K) float32 of the network.
        settings: of the model's card.
    """
    refined = np.empty_like(probs)
    margin = min(math.ceil(2 * max(settings.position_px, settings.smooth_px)), TILE_PX // 2)
    for top, left in itertools.product(*(range(0, side, TILE_PX) for side in probs.shape[:2])):
        first_row, first_column = max(top - margin, 0), max(left - margin, 0)
        seen = np.s_[first_row : top + TILE_PX + margin, first_column : left + TILE_PX + margin]
        tile = _infer(image[seen], probs[seen], settings)[top - first_row :, left - first_column :]
        refined[top : top + TILE_PX, left : left + TILE_PX] = tile[:TILE_PX, :TILE_PX]
    return refined


def _infer(image: np.ndarray, probs: np.ndarray, settings: DenseCrf) -> np.ndarray:
    height, width, num_classes = probs.shape
    logs = np.log(np.maximum(probs, MIN_PROB)).reshape(-1, num_classes)
    place = np.indices((height, width), np.float32).reshape(2, -1).T
    alike = [place / settings.position_px, image.reshape(-1, 3) / np.float32(settings.colour)]
    kernels = [
        (settings.bilateral_weight, _normalised(Lattice(np.concatenate(alike, axis=1)), height * width)),
        (settings.smooth_weight, _normalised(Lattice(place / settings.smooth_px), height * width)),
    ]
    marginals: np.ndarray = softmax(logs, axis=1)
    for _ in range(settings.num_iterations):
        marginals = softmax(logs + sum(weight * message(marginals) for weight, message in kernels), axis=1)
    return marginals.reshape(probs.shape)


def _normalised(lattice: Lattice, num_points: int) -> Message:
    """The filter between D^-1/2 on both sides, where D is what it makes of ones."""
    scale = 1 / np.sqrt(lattice.filter(np.ones((num_points, 1), np.float32)))
    return lambda values: scale * lattice.filter(scale * values)
