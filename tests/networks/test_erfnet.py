"""The ERFNet."""

import pytest

from tests.networks.small import build, shape_of


def test_the_number_of_parameters_is_that_of_the_paper() -> None:
    """2.06 million."""
    fields = {"width": 16, "dilations": (2, 4, 8, 16) * 2, "dropout": 0.3}
    assert shape_of("erfnet", fields).num_weights / 1e6 == pytest.approx(2.06, rel=0.01)


def test_channels_and_dilations_by_hand() -> None:
    """The second pair of a block's convolutions is dilated, each along its own side."""
    network = build("erfnet", {"width": 4, "dilations": (2, 5), "dropout": 0.0})
    channels = {layer.name: layer.output.shape[-1] for layer in network.layers if layer.name != "images"}
    assert [channels[name] for name in ("half", "quarter", "eighth", "grow0", "grow1")] == [4, 16, 32, 16, 4]
    rates = [network.get_layer(f"eighth1{name}").dilation_rate for name in ("a3", "a1", "b3", "b1")]
    assert rates == [(1, 1), (1, 1), (5, 1), (1, 5)]
