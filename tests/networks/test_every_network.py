"""What holds for each network of the table."""

from typing import Any

import keras
import numpy as np
import pytest

from pipeline.networks.table import NETWORKS
from tests.networks.small import SMALL, build, shape_of


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


PAPERS: dict[str, tuple[str, dict[str, Any], float]] = {
    "ResUNet": ("residual_unet", {"num_levels": 3, "width": 64, "dropout": 0.0}, 7.8),
    "FCN-8s": ("fcn8s", {"width": 64, "head_channels": 4096, "dropout": 0.5}, 134.0),
    "SegNet": ("segnet", {"width": 64}, 29.5),
    "PSPNet": (
        "pspnet",
        {"num_blocks": (3, 4, 6, 3), "width": 64, "bottleneck": True, "grids": (1, 2, 3, 6), "dropout": 0.1},
        46.6,
    ),
    "DeepLabv3+": (
        "deeplabv3plus",
        {
            **{"num_blocks": (3, 4, 23, 3), "width": 64, "bottleneck": True, "rates": (6, 12, 18)},
            **{"context_channels": 256, "dropout": 0.1},
        },
        59.3,
    ),
    "ERFNet": ("erfnet", {"width": 16, "dilations": (2, 4, 8, 16) * 2, "dropout": 0.3}, 2.06),
}


@pytest.mark.parametrize("paper", PAPERS)
def test_the_number_of_parameters_is_that_of_the_paper(paper: str) -> None:
    """In millions; of PSPNet (ResNet-50) and DeepLabv3+ (ResNet-101), of common rebuilds with plain convolutions."""
    name, fields, millions = PAPERS[paper]
    assert shape_of(name, fields).num_weights / 1e6 == pytest.approx(millions, rel=0.06)
