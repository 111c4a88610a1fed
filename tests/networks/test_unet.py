"""The U-Net."""

from typing import Any

import keras
import numpy as np
import pytest

from pipeline.networks.unet import UNet, build_unet


def build(**changes: Any) -> keras.Model:
    """A small network in float32."""
    arguments = {"num_classes": 3, "num_levels": 2, "width": 4, "dropout": 0.0}
    return build_unet(**(arguments | changes), channel_mean=(90, 100, 110), channel_std=(50, 60, 70))


def test_number_of_parameters_by_hand() -> None:
    """One level of width 4: 3x3 kernels, scale and shift of each norm, a bare up-convolution, one classifier."""
    kernels = 9 * (3 * 4 + 4 * 4 + 4 * 8 + 8 * 8 + 8 * 4 + 4 * 4)
    norms = 4 * (4 + 4 + 8 + 8 + 4 + 4)
    assert build(num_levels=1).count_params() == kernels + norms + 4 * 8 * 4 + (4 * 3 + 3)


def test_padding_is_cut_away_again() -> None:
    """Away from the border, an image gives the same logits whether it needed padding or not."""
    network = build(num_levels=1)
    images = np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3)).astype(np.float32)
    whole, odd = network(images), network(images[:, :31, :31])
    np.testing.assert_allclose(whole[:, :16, :16], odd[:, :16, :16], atol=1e-4)


def test_weights_survive_a_file(tmp_path: Any) -> None:
    """A network built again with the saved weights gives the same logits."""
    images = np.random.default_rng(0).uniform(0, 255, (1, 9, 9, 3)).astype(np.float32)
    first, second = build(), build()
    first.save_weights(tmp_path / "a.weights.h5")
    second.load_weights(tmp_path / "a.weights.h5")
    np.testing.assert_array_equal(first(images), second(images))


@pytest.mark.parametrize("num_levels", [1, 3])
def test_its_size_is_known_before_it_is_built(num_levels: int) -> None:
    """Its largest map has the first level's channels twice."""
    network = UNet(name="unet", num_levels=num_levels, width=8, dropout=0.0)
    assert network.map_bytes(2, 16, 24) == 2 * 16 * 24 * 16 * 4
    assert network.min_side_px == 2**num_levels
