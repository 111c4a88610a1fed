"""The one door to TensorFlow: devices, determinism, fused operations and SavedModels."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

Serve = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Images (N, H, W, 3) uint8 to ids (N, H, W) uint8 and probs (N, H, W, K) float32."""


def load_saved_model(folder: Path) -> Serve:
    """Loads a SavedModel of ours; it needs neither `keras` nor the code that wrote it.

    Args:
        folder: of the SavedModel, with the signature `serve`: `images` in, `ids` and `probs` out.
    """
    model = tf.saved_model.load(str(folder))

    def serve(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        out = model.signatures["serving_default"](images=tf.constant(images))
        return out["ids"].numpy(), out["probs"].numpy()

    return serve
