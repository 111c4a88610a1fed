"""Layers that Keras lacks."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from pipeline.networks.blocks.layers import BatchNorm, Convolution, CropLike, PadToMultiple, fold_norms


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


@pytest.mark.parametrize("side_px", [1, 2, 3, (1, 3), (5, 2)])
@pytest.mark.parametrize("size", [(7, 5), (1, 4)])
def test_gradients_by_products_are_those_of_tensorflow(side_px: int | tuple[int, int], size: tuple[int, int]) -> None:
    """Of kernel, input and bias, for odd and even kernels, and for images smaller than they."""
    import tensorflow as tf

    layer = Convolution(4, side_px, padding="same", activation="relu")
    x = tf.constant(np.random.default_rng(0).normal(size=(2, *size, 3)), tf.float32)
    layer.build(x.shape)

    def gradients() -> list[np.ndarray]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=True)
            loss = tf.reduce_sum(y * y)
        return [y, *tape.gradient(loss, [x, layer.kernel.value, layer.bias.value])]

    plain = gradients()
    layer.gradient_by_products = True
    for expected, found in zip(plain, gradients(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("options", [{"strides": 2}, {"dilation_rate": 2}, {"padding": "valid"}, {"dtype": "bfloat16"}])
def test_other_convolutions_are_left_alone(options: dict[str, Any]) -> None:
    """They are Keras's own, whose results have their own size and type."""
    x = np.ones((1, 9, 9, 3), np.float32)
    layer, plain = (
        Convolution(4, 3, **{"padding": "same", **options}),
        keras.layers.Conv2D(4, 3, **{"padding": "same", **options}),
    )
    layer.build(x.shape)
    plain.build(x.shape)
    plain.set_weights(layer.get_weights())
    layer.gradient_by_products = True
    np.testing.assert_array_equal(layer(x, training=True), plain(x))


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
