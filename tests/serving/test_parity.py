"""Parity of a SavedModel with the Keras model."""

from collections.abc import Iterator

import keras
import numpy as np
import pytest

from pipeline.networks.unet import build_unet
from pipeline.serving.parity import compare, make_images
from pipeline.serving.saved_model import Serve, ServedNetwork, resize_images

pytestmark = pytest.mark.services

SIZE = (12, 20)


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """A network with random but sharp weights."""
    return build()


def build() -> keras.Model:
    """The same network, made once more."""
    keras.utils.set_random_seed(0)
    network = build_unet(
        num_classes=3, num_levels=1, width=4, dropout=0.0, channel_mean=(99, 120, 80), channel_std=(50, 40, 60)
    )
    network.get_layer("classify").kernel.assign(network.get_layer("classify").kernel * 9)
    return network


def golden() -> Iterator[np.ndarray]:
    """Two images of working size: from these alone a wrong resize could not be seen."""
    random = np.random.default_rng(1)
    return (random.integers(0, 256, (*SIZE, 3), np.uint8) for _ in range(2))


def served(module: ServedNetwork) -> Serve:
    """What a SavedModel of the module gives."""

    def serve(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        out = module.serve(images)
        return out["ids"].numpy(), out["probs"].numpy()

    return serve


def test_the_same_network_agrees(network: keras.Model) -> None:
    """Nothing differs but the rounding of sums; golden and made images are counted."""
    parity = compare(network, SIZE, served(ServedNetwork(network, SIZE)), ["b", "a"], golden())
    assert parity.probability_difference < 1e-5 and parity.disagreeing_share == 0
    assert parity.golden_images == ("a", "b") and parity.num_made_images == 2


def test_other_weights_are_distinguished(network: keras.Model) -> None:
    """One bias that differs by a hundredth is far outside of the limits."""
    other = build()
    other.get_layer("classify").bias.assign(np.array([0, 0.01, 0]))
    parity = compare(other, SIZE, served(ServedNetwork(network, SIZE)), ["a", "b"], golden())
    assert parity.probability_difference > 1e-3


def test_a_resize_without_area_average_is_distinguished(network: keras.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """Images of working size do not show it, the made ones do."""
    import tensorflow as tf

    def bilinear(images: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
        return tf.ensure_shape(tf.round(tf.image.resize(images, size)), (None, *size, 3))

    with monkeypatch.context() as patch:
        patch.setattr("pipeline.serving.saved_model.resize_images", bilinear)
        broken = compare(network, SIZE, served(ServedNetwork(network, SIZE)), ["a", "b"], golden())
    assert broken.probability_difference > 0.1 and broken.disagreeing_share > 1e-2
    assert (bilinear(next(golden())[None], SIZE).numpy() == resize_images(next(golden())[None], SIZE).numpy()).all()


def test_mirroring_is_compared_with_mirroring(network: keras.Model) -> None:
    """The Keras model gets both images, too; against one alone the difference is far outside of the limits."""
    serve = served(ServedNetwork(network, SIZE, flip=True))
    assert compare(network, SIZE, serve, ["a", "b"], golden(), flip=True).probability_difference < 1e-5
    assert compare(network, SIZE, serve, ["a", "b"], golden()).probability_difference > 1e-2


def test_made_images_are_larger_and_smaller_with_another_ratio() -> None:
    """Neither axis keeps its scale, and the ratio of the sides changes."""
    large, small = make_images(SIZE)
    assert large.shape == (19, 41, 3) and small.shape == (7, 7, 3)
