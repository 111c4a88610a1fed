"""Tests of pipeline/serving/ensemble.py."""

from typing import Any

import keras
import numpy as np

from pipeline.serving.ensemble import Ensemble


class Fixed(keras.Model):  # type: ignore[misc]
    """Gives the same logits to each pixel."""

    def __init__(self, logits: list[float]) -> None:
        super().__init__()
        self.logits = logits

    def call(self, images: Any, training: bool = False) -> Any:
        """(N, H, W, 3) to (N, H, W, K)."""
        return keras.ops.zeros((*images.shape[:3], 1)) + keras.ops.convert_to_tensor(self.logits)


def test_probabilities_are_the_mean() -> None:
    """Logits that are far apart do not overflow, and the same network twice is itself."""
    images = np.zeros((2, 3, 4, 3), np.float32)
    probs = keras.ops.softmax(Ensemble([Fixed([0.0, 200.0]), Fixed([0.0, 0.0])])(images))
    np.testing.assert_allclose(probs, np.broadcast_to([0.25, 0.75], (2, 3, 4, 2)), atol=1e-6)
    one = [1.0, -2.0, 0.5]
    both = keras.ops.softmax(Ensemble([Fixed(one), Fixed(one)])(images))
    np.testing.assert_allclose(both, keras.ops.softmax(Fixed(one)(images)), atol=1e-6)
