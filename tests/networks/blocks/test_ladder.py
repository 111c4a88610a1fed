"""The context and the narrow way up of the SwiftNet."""

import keras
import numpy as np

from pipeline.networks.blocks.ladder import build_ladder, count_ladder_weights


def test_it_ends_at_the_first_stages_size_and_its_weights_are_known() -> None:
    """Features of any number of channels; the grids' channels are rounded down."""
    stages = [keras.Input((None, None, channels)) for channels in (8, 12, 20)]
    network = keras.Model(stages, build_ladder(stages, (4, 2, 1), 10))
    images = [np.zeros((1, side, side + 3, channels), np.float32) for side, channels in ((24, 8), (12, 12), (5, 20))]
    assert network(images).shape == (1, 24, 27, 10)
    kernels = [weight for weight in network.trainable_weights if len(weight.shape) == 4]
    assert sum(int(np.prod(kernel.shape)) for kernel in kernels) == count_ladder_weights((8, 12, 20), (4, 2, 1), 10)
