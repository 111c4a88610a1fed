"""Encoders of `keras.applications` and their weights."""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.networks.pretrained.test_network import FIELDS, read_shape
from tests.networks.small import build


def test_weights_of_a_file_are_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All layers of the encoder have them, and the decoder keeps its own."""
    monkeypatch.chdir(tmp_path)
    source = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(None, None, 3))
    source.save_weights("start.weights.h5")
    md5 = hashlib.md5(Path("start.weights.h5").read_bytes()).hexdigest()
    network = build("encoder_unet", FIELDS)
    decoder = network.get_layer("classify").get_weights()
    read_shape(encoder_weights="start.weights.h5", encoder_weights_md5=md5).start(network)
    loaded = [layer for layer in source.layers if layer.weights]
    assert len(loaded) > 100
    for layer in loaded:
        for there, here in zip(layer.get_weights(), network.get_layer(layer.name).get_weights(), strict=True):
            np.testing.assert_array_equal(there, here)
    np.testing.assert_array_equal(decoder[0], network.get_layer("classify").get_weights()[0])


@pytest.mark.e2e
def test_weights_that_cannot_be_fetched_are_said(tmp_path: Path) -> None:
    """Without a way to them the message says how to go on."""
    code = (
        "from tests.networks.pretrained.test_applications import FIELDS, build, read_shape\n"
        "read_shape(encoder_weights='imagenet').start(build('encoder_unet', FIELDS))"
    )
    away = {"KERAS_HOME": str(tmp_path), "https_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | away, capture_output=True, text=True)
    assert re.search(
        r"ParamsError: .*imagenet: cannot be fetched: .*; the encoder efficientnet_lite0 needs no internet; copy",
        done.stderr,
    )
