"""Convolutions with their normalisation."""

import keras
import numpy as np

from pipeline.networks.blocks.convolution import convolve, convolve_times, subsample


def test_a_row_of_convolutions_by_hand() -> None:
    """Two of them: kernels without biases, scale, shift and two averages each; the last ReLU can be left out."""
    images = keras.Input((8, 8, 3))
    network = keras.Model(images, convolve_times(images, 2, 5, "row"))
    assert network.count_params() == 9 * (3 * 5 + 5 * 5) + 2 * 4 * 5
    x = np.random.default_rng(0).normal(size=(1, 8, 8, 3)).astype(np.float32)
    assert np.asarray(network(x)).min() == 0
    assert np.asarray(keras.Model(images, convolve(images, 5, 3, "last", relu=False))(x)).min() < 0


def test_subsampling_is_what_a_stride_does() -> None:
    """A strided 1 x 1 convolution sees each second pixel, the first of all included, also of an odd number."""
    images = keras.Input((None, None, 3))
    model = keras.Model(images, subsample(images, 2, "pick"))
    for side in (8, 7):
        x = np.random.default_rng(0).normal(size=(1, side, side, 3)).astype(np.float32)
        np.testing.assert_array_equal(model(x), x[:, ::2, ::2])
    assert subsample(images, 1, "same") is images
