"""The DeepLabv3+."""

import pytest

from tests.networks.small import build, shape_of


def test_the_number_of_parameters_is_that_of_common_rebuilds() -> None:
    """59.3 million on ResNet-101 with plain convolutions; the paper has Xception."""
    fields = {
        **{"num_blocks": (3, 4, 23, 3), "width": 64, "bottleneck": True, "rates": (6, 12, 18)},
        **{"context_channels": 256, "dropout": 0.1},
    }
    assert shape_of("deeplabv3plus", fields).num_weights / 1e6 == pytest.approx(59.3, rel=0.01)


def test_context_and_details_by_hand() -> None:
    """The pyramid joins a point, the image's mean and each rate; the decoder has 48 channels of details for 256."""
    fields = {
        **{"num_blocks": (1, 1, 1, 1), "width": 4, "bottleneck": False, "rates": (2, 3)},
        **{"context_channels": 32, "dropout": 0.0},
    }
    network = build("deeplabv3plus", fields)
    channels = {layer.name: layer.output.shape[-1] for layer in network.layers if layer.name != "images"}
    assert [channels[name] for name in ("atrous_join", "context", "details", "join")] == [4 * 32, 32, 6, 38]
    assert [network.get_layer(f"atrous{number}").dilation_rate for number in (0, 1)] == [(2, 2), (3, 3)]
    assert network.get_layer("stage3_0b").dilation_rate == (2, 2)
