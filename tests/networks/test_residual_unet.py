"""The residual U-Net."""

import pytest

from tests.networks.small import build, shape_of


def test_the_number_of_parameters_is_that_of_the_paper() -> None:
    """7.8 million there, where the convolutions that add the input are not counted."""
    fields = {"num_levels": 3, "width": 64, "dropout": 0.0}
    shortcuts = sum(before * after for before, after in ((3, 64), (64, 128), (128, 256), (256, 512)))
    shortcuts += sum((low + 2 * low) * low for low in (64, 128, 256))
    assert (shape_of("residual_unet", fields).num_weights - shortcuts) / 1e6 == pytest.approx(7.8, rel=0.01)


def test_channels_by_hand() -> None:
    """Two levels of width 4: each way down halves the size by a stride."""
    network = build("residual_unet", {"num_levels": 2, "width": 4, "dropout": 0.0})
    channels = {layer.name: layer.output.shape[-1] for layer in network.layers}
    names = ("down0", "down1", "bottom", "up1_join", "up1", "up0_join", "up0")
    assert [channels[name] for name in names] == [4, 8, 16, 24, 8, 12, 4]
    strides = {name: network.get_layer(name).strides for name in ("down0a", "down1a", "bottoma", "down1b")}
    assert list(strides.values()) == [(1, 1), (2, 2), (2, 2), (1, 1)]
