"""Losses of semantic segmentation that leave ignored pixels out."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from keras import ops

from pipeline.errors import TrainingError

SMOOTH = 1.0
"""Pixels added to both parts of the Dice coefficient; keeps it finite for an empty class."""


def cross_entropy(targets: Any, logits: Any, class_weights: Any, ignore_id: int) -> Any:
    """Weighted mean of the pixels' cross-entropy: sum(w[t] * -log p[t]) / sum(w[t]) over the counted pixels.

    Args:
        targets: (N, H, W) int32 class ids, `ignore_id` where not counted.
        logits: (N, H, W, K) float32.
        class_weights: (K,) float32.
        ignore_id: the id that is left out.

    Returns:
        A float32 scalar, natural logarithm; 0 where no pixel is counted.
    """
    counted = targets != ignore_id
    ids = ops.where(counted, targets, 0)
    weights = ops.take(class_weights, ids) * ops.cast(counted, "float32")
    losses = -ops.squeeze(ops.take_along_axis(ops.log_softmax(logits), ids[..., None], axis=-1), -1)
    return ops.sum(weights * losses) / ops.maximum(ops.sum(weights), 1e-6)


def soft_dice(targets: Any, logits: Any, ignore_id: int) -> Any:
    """1 - Dice coefficient of each class over the batch (Milletari et al., 2016), mean over the classes present.

    Args:
        targets: (N, H, W) int32 class ids, `ignore_id` where not counted.
        logits: (N, H, W, K) float32.
        ignore_id: the id that is left out.

    Returns:
        A float32 scalar in [0, 1]; 0 where no pixel is counted.
    """
    counted = ops.cast(targets != ignore_id, "float32")[..., None]
    truth = ops.one_hot(ops.where(targets != ignore_id, targets, 0), logits.shape[-1], dtype="float32") * counted
    probs = ops.softmax(logits) * counted
    axes = (0, 1, 2)
    both, either = ops.sum(truth * probs, axes), ops.sum(truth, axes) + ops.sum(probs, axes)
    dice = (2 * both + SMOOTH) / (either + SMOOTH)
    present = ops.cast(ops.sum(truth, axes) > 0, "float32")
    return ops.sum((1 - dice) * present) / ops.maximum(ops.sum(present), 1.0)


def class_weights(
    class_pixels: Mapping[str, int], rule: Literal["none", "inverse_sqrt", "median_frequency"]
) -> np.ndarray:
    """Weights of the cross-entropy from the classes' pixels in the training masks.

    Args:
        class_pixels: pixels by class name, in order of id.
        rule: "none": 1; "inverse_sqrt": share ** -0.5; "median_frequency": median share / share
            (Eigen and Fergus, 2015). Both are scaled so that the mean weight of a pixel is 1.

    Returns:
        (K,) float32.

    Raises:
        TrainingError: a class has no pixel to learn from.
    """
    if missing := [name for name, count in class_pixels.items() if not count]:
        raise TrainingError(
            f"train has no pixel of {', '.join(missing)} at the working size; add images that show them, remove the "
            "class from data/dataset.yaml, or raise preprocess.image_size"
        )
    counts = np.array(list(class_pixels.values()), np.float64)
    shares = counts / counts.sum()
    weights = {"none": np.ones_like(shares), "inverse_sqrt": shares**-0.5, "median_frequency": 1 / shares}[rule]
    return np.asarray(weights / (weights @ shares), np.float32)
