"""Cross-entropy with a weight for each class."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from pipeline.errors import TrainingError


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
    from keras import ops

    counted = targets != ignore_id
    ids = ops.where(counted, targets, 0)
    weights = ops.take(class_weights, ids) * ops.cast(counted, "float32")
    losses = -ops.squeeze(ops.take_along_axis(ops.log_softmax(logits), ids[..., None], axis=-1), -1)
    return ops.sum(weights * losses) / ops.maximum(ops.sum(weights), 1e-6)


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
