"""The average of a network's weights over the steps of a training, as a network of its own."""

from typing import Any

import keras
import numpy as np
from keras import ops


def average_of(network: keras.Model) -> keras.Model:
    """A network with the same weights in variables of its own, which no optimiser changes."""
    average = keras.models.clone_model(network)
    average.trainable = False
    average.set_weights([np.array(weight) for weight in network.get_weights()])  # copied: JAX would share the memory
    return average


def follow(average: keras.Model, network: keras.Model, decay: float, num_steps: Any) -> None:
    """Moves the average towards the network: a = d * a + (1 - d) * w (Polyak and Juditsky, 1992).

    All weights take part, the moving moments of batch normalisation too. In a compiled step it is part of that. On
    several devices each moves its copy, by the weights that it holds.

    Args:
        average: of `average_of(network)`.
        network: after a step.
        decay: of the late steps, in (0, 1).
        num_steps: steps done, at least 1. The first ones have d = num_steps / (num_steps + 9), as in TensorFlow's
            `ExponentialMovingAverage`, so that the random weights of the start are soon forgotten.
    """
    num_steps = ops.cast(num_steps, "float32")
    rate = 1 - ops.minimum(decay, num_steps / (num_steps + 9))
    for mean, weight in zip(average.weights, network.weights, strict=True):
        mean.assign(mean + rate * (weight - mean))
