"""EfficientNet-Lite0 and its weights."""

import hashlib
from pathlib import Path
from unittest.mock import patch

import keras
import numpy as np
import pytest

from pipeline.errors import ParamsError
from pipeline.networks.pretrained import efficientnet_lite
from pipeline.networks.pretrained.encoder import IMAGENET
from pipeline.networks.pretrained.encoder_swiftnet import EncoderSwiftNet
from pipeline.networks.pretrained.encoders import ENCODERS
from tests.networks.pretrained.test_torch_file import ZIPPED
from tests.networks.small import SMALL, build, shape_of

OF_PYTORCH = (
    (0.0436, 7.087, -1.4935, 1.1297),
    (0.5067, 9.4997, 14.7879, -4.7981),
    (-0.3534, 8.765, -7.3177, 0.651),
    (0.0122, 5.7805, 5.0438, 3.0824),
    (0.019, 2.5792, 0.1657, -3.1431),
)
"""Mean, deviation and two values of the features of `draw_waves` from the package `efficientnet_lite_pytorch` 0.1.0."""


def read_shape(**changes: str) -> EncoderSwiftNet:
    """The small network with other values."""
    shape = shape_of("encoder_swiftnet", {**SMALL["encoder_swiftnet"], **changes})
    assert isinstance(shape, EncoderSwiftNet)
    return shape


def draw_waves() -> np.ndarray:
    """(1, 224, 224, 3) float32 in [0, 255]."""
    y, x = np.mgrid[:224, :224]
    waves = [127.5 + 127.5 * np.sin(x / 9 + y / 23), 127.5 + 127.5 * np.cos(y / 13), 255 * (x + y) / 446]
    return np.stack(waves, axis=-1)[None].astype(np.float32)


def test_features_are_those_of_the_published_network() -> None:
    """With the weights of the package, computed by another library."""
    images = keras.Input((None, None, 3))
    network = keras.Model(images, ENCODERS["efficientnet_lite0"].encode(images))
    ENCODERS["efficientnet_lite0"].load(network, IMAGENET)
    for features, expected in zip(network(draw_waves()), OF_PYTORCH, strict=True):
        found = np.array(features)
        values = (found.mean(), found.std(), found[0, 3, 4, 0], found[0, -1, -2, -1])
        np.testing.assert_allclose(values, expected, atol=2e-3)


def test_a_start_changes_the_encoder_alone() -> None:
    """Every layer of it, and none of the way up."""
    network = build("encoder_swiftnet", SMALL["encoder_swiftnet"])
    before = {layer.name: layer.get_weights() for layer in network.layers if layer.weights}
    read_shape().start(network)
    same = {
        name
        for name, weights in before.items()
        if all(np.array_equal(*pair) for pair in zip(weights, network.get_layer(name).get_weights(), strict=True))
    }
    assert {name for name in before if name.startswith(("stem", "block"))} == set(before) - same


def test_weights_of_another_network_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names what is missing; nothing is loaded."""
    monkeypatch.chdir(tmp_path)
    Path("start.pth").write_bytes(ZIPPED)
    network = build("encoder_swiftnet", SMALL["encoder_swiftnet"])
    before = network.get_weights()
    md5 = hashlib.md5(ZIPPED).hexdigest()
    with pytest.raises(ParamsError, match=r"start.pth: _conv_stem.weight: found nothing, expected .* axes; expected a"):
        read_shape(encoder_weights="start.pth", encoder_weights_md5=md5).start(network)
    for one, other in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("changed", "said"),
    [("PACKAGE", "the package no_such_package is not installed"), ("SHA256", "its SHA-256 is 5793.*, expected no_")],
)
def test_an_installed_file_that_is_not_the_published_one_is_refused(changed: str, said: str) -> None:
    """So is one that is missing; the message ends with what to do."""
    network = build("encoder_swiftnet", SMALL["encoder_swiftnet"])
    with (
        patch.object(efficientnet_lite, changed, "no_such_package"),
        pytest.raises(ParamsError, match=said + ".*; copy a file of these weights here and name it"),
    ):
        read_shape().start(network)


def test_a_file_of_the_project_is_read_as_the_package_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both give the encoder the same weights."""
    monkeypatch.chdir(tmp_path)
    data = efficientnet_lite._installed_file().read_bytes()
    Path("start.pth").write_bytes(data)
    one, other = (build("encoder_swiftnet", SMALL["encoder_swiftnet"]) for _ in range(2))
    read_shape().start(one)
    read_shape(encoder_weights="start.pth", encoder_weights_md5=hashlib.md5(data).hexdigest()).start(other)
    encoder = [layer.name for layer in one.layers if layer.name.startswith(("stem", "block"))]
    for name in encoder:
        for expected, loaded in zip(
            one.get_layer(name).get_weights(), other.get_layer(name).get_weights(), strict=True
        ):
            np.testing.assert_array_equal(loaded, expected)
