"""An ensemble: networks of one task as one network."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


class Ensemble(keras.Model):  # type: ignore[misc]
    """Averages the probabilities of networks (Lakshminarayanan et al., 2017).

    Its logits are the logarithm of the mean, so that it is resized, served and compared as a single network is. The
    softmax of a network's logits is the same before and after the logarithm, and so is that of resized ones.

    Args:
        networks: each from images (N, H, W, 3) float32 in [0, 255] to logits (N, H, W, K) float32.
    """

    def __init__(self, networks: Sequence[keras.Model]) -> None:
        super().__init__(dtype="float32")  # no network gets rounded images
        self.networks = list(networks)

    def call(self, images: Any, training: bool = False) -> Any:
        """Images (N, H, W, 3) float32 in [0, 255] to the logarithm of probabilities (N, H, W, K) float32."""
        each = [ops.log_softmax(network(images, training=training)) for network in self.networks]
        return ops.logsumexp(ops.stack(each), axis=0) - math.log(len(each))
