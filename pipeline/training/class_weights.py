"""Weights of the classes, by how rare they are in the training masks."""

from collections.abc import Mapping
from typing import Literal

import numpy as np

from pipeline.errors import TrainingError


def class_weights(
    class_pixels: Mapping[str, int], rule: Literal["none", "inverse_sqrt", "median_frequency"]
) -> np.ndarray:
    """Weights of the classes in the losses.

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
