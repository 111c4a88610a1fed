"""Layers that Keras lacks."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from pipeline.networks.layers import BatchNorm, CropLike, PadToMultiple, fold_norms


@pytest.mark.parametrize("size", [(8, 8), (5, 9)])
def test_what_is_padded_can_be_cut_away(size: tuple[int, int]) -> None:
    """Padding makes both sides multiples, below and to the right; cropping gives the image back."""
    images = np.random.default_rng(0).uniform(0, 255, (2, *size, 3)).astype(np.float32)
    padded = PadToMultiple(4)(images)
    assert padded.shape == (2, 8, 4 * -(-size[1] // 4), 3)
    np.testing.assert_array_equal(CropLike()([padded, images]), images)


def test_batch_norm_agrees_with_keras() -> None:
    """Output and moving averages are those of Keras's own layer, in training and after it."""
    x = np.random.default_rng(0).normal(3, 2, (4, 6, 5, 2)).astype(np.float32)
    ours, theirs = BatchNorm(), keras.layers.BatchNormalization(momentum=0.95, epsilon=1e-3)
    for training in (True, True, False):
        np.testing.assert_allclose(ours(x, training=training), theirs(x, training=training), atol=1e-2, rtol=1e-3)
    np.testing.assert_allclose(ours.moving_mean, theirs.moving_mean, rtol=1e-4)
    np.testing.assert_allclose(ours.moving_variance, theirs.moving_variance, rtol=2e-2)  # ours is unbiased


def after_relu(x: Any) -> Any:
    """A normalisation of what an activation gives."""
    return BatchNorm()(keras.layers.Conv2D(2, 3, activation="relu")(x))


def beside_another(x: Any) -> Any:
    """A convolution whose output is also taken as it is."""
    y = keras.layers.Conv2D(2, 3)(x)
    return keras.layers.Add()([y, BatchNorm()(y)])


def twice(x: Any) -> Any:
    """A normalisation in two places."""
    norm = BatchNorm()
    return norm(keras.layers.ReLU()(norm(keras.layers.Conv2D(2, 3)(x))))


def transposed(x: Any) -> Any:
    """A convolution of another kind."""
    return BatchNorm()(keras.layers.Conv2DTranspose(2, 3)(x))


def in_bfloat16(x: Any) -> Any:
    """A convolution whose kernel is rounded."""
    return BatchNorm()(keras.layers.Conv2D(2, 3, dtype="mixed_bfloat16")(x))


@pytest.mark.parametrize("build", [after_relu, beside_another, twice, transposed, in_bfloat16])
def test_a_norm_that_cannot_be_folded_stays(build: Callable[[Any], Any]) -> None:
    """The network is the same layer by layer."""
    inputs = keras.Input((None, None, 3), name="images")
    network = keras.Model(inputs, build(inputs))
    names = [layer.name for layer in network.layers]
    assert [layer.name for layer in fold_norms(network).layers] == names
