"""Published networks as encoders."""

import keras
import numpy as np
import pytest

from pipeline.networks.blocks.layers import MOMENTUM
from pipeline.networks.pretrained.encoders import ENCODERS


@pytest.mark.parametrize("name", ENCODERS)
def test_features_have_the_sizes_and_channels_of_the_table(name: str) -> None:
    """Five of them, for images of any size; the weights are those that Keras counts."""
    images = keras.Input((None, None, 3))
    features = ENCODERS[name].encode(images)
    network, encoder = keras.Model(images, features), ENCODERS[name]
    outputs = network(np.zeros((1, 64, 96, 3), np.float32))
    sizes = [(1, 64 >> level, 96 >> level, encoder.channels[level - 1]) for level in range(1, 6)]
    assert [tuple(output.shape) for output in outputs] == sizes
    assert keras.Model(images, features[-1]).count_params() == encoder.num_weights
    norms = [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert {layer.momentum for layer in norms} <= {MOMENTUM}
