"""What holds for each network of the table."""

import keras
import numpy as np
import pytest

from pipeline.networks.blocks.layers import BatchNorm, fold_norms
from pipeline.networks.table import NETWORKS
from tests.networks.small import SMALL, build, settle, shape_of

KEPT = {"residual_unet": 4, "fc_densenet": 15}
"""Normalisations of the small shapes before which is no convolution, or one whose output goes elsewhere, too."""


def draw_images(height: int, width: int) -> np.ndarray:
    """Two images of random pixels."""
    return np.random.default_rng(0).uniform(0, 255, (2, height, width, 3)).astype(np.float32)


def test_each_network_has_a_small_shape() -> None:
    """So that each is tested."""
    assert list(SMALL) == list(NETWORKS)


@pytest.mark.parametrize("name", NETWORKS)
def test_any_size_goes_in_and_comes_out_and_weights_survive(name: str) -> None:
    """Sides that are no multiple, or shorter than the network needs; Keras's description of it is whole."""
    network = build(name, SMALL[name])
    other = keras.Model.from_config(network.get_config())
    other.set_weights(network.get_weights())
    for size in ((32, 32), (3, 70), (37, 45)):
        logits = network(draw_images(*size))
        assert logits.shape == (2, *size, 3) and logits.dtype == "float32"
    assert np.isfinite(logits).all()
    np.testing.assert_array_equal(other(draw_images(37, 45)), logits)


@pytest.mark.parametrize("name", NETWORKS)
def test_its_size_is_known_before_it_is_built(name: str) -> None:
    """The kernels to within a tenth; no map is half as large again as the largest that params reckon with."""
    network, shape = build(name, SMALL[name]), shape_of(name, SMALL[name])
    num_weights = sum(int(np.prod(weight.shape)) for weight in network.trainable_weights if len(weight.shape) > 1)
    assert shape.num_weights == pytest.approx(num_weights, rel=0.1)
    model = keras.Model(network.inputs, [layer.output for layer in network.layers if layer.name != "images"])
    outputs = model([draw_images(64, 64)])
    largest = max(output.shape.num_elements() * 4 for output in keras.tree.flatten(outputs))
    assert largest <= 1.5 * shape.map_bytes(2, 64, 64)
    assert shape.min_side_px <= 64


@pytest.mark.parametrize("name", NETWORKS)
def test_every_weight_learns(name: str) -> None:
    """The gradient reaches each kernel."""
    import tensorflow as tf

    network = build(name, SMALL[name])
    with tf.GradientTape() as tape:
        logits = network(draw_images(64, 64), training=True)
        loss = tf.reduce_mean(tf.nn.log_softmax(logits)[..., 0])
    weights = [weight.value for weight in network.trainable_weights]
    for weight, gradient in zip(network.trainable_weights, tape.gradient(loss, weights), strict=True):
        assert gradient is not None, weight.path
        assert len(weight.shape) == 1 or np.abs(gradient).max() > 0, weight.path


@pytest.mark.e2e
@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_with_folded_norms_predicts_the_same(name: str) -> None:
    """To rounding; the seeds of dropout, which are among the SavedModel's bytes, stay."""
    network = settle(build(name, SMALL[name]))
    folded = fold_norms(network)
    assert sum(isinstance(layer, BatchNorm) for layer in folded.layers) == KEPT.get(name, 0)
    images = draw_images(37, 45)
    np.testing.assert_allclose(folded(images), network(images), atol=1e-3)
    one, other = ([np.array(value) for value in one.variables if "seed" in value.path] for one in (network, folded))
    np.testing.assert_array_equal(one, other)
