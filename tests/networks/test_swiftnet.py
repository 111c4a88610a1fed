"""The SwiftNet."""

import keras
import pytest

from tests.networks.small import build, shape_of

PAPER = {
    **{"num_blocks": (2, 2, 2, 2), "width": 64, "bottleneck": False, "grids": (8, 4, 2)},
    **{"context_channels": 128, "dropout": 0.0},
}


def test_the_number_of_parameters_is_the_papers() -> None:
    """11.8 million on ResNet-18."""
    assert shape_of("swiftnet", PAPER).num_weights / 1e6 == pytest.approx(11.8, abs=0.05)


def test_the_way_up_ends_at_a_quarter_of_the_size() -> None:
    """It begins at 1/32, and each level adds the residual network's features of its size."""
    network = build("swiftnet", PAPER | {"width": 4, "context_channels": 8})
    levels = [network.get_layer(name).output for name in ("context", "blend2", "blend1", "blend0")]
    features = [network.get_layer(f"stage{stage}_1_relu").output for stage in (3, 2, 1, 0)]
    outputs = keras.Model(network.inputs, levels + features)(keras.ops.zeros((1, 64, 96, 3)))
    assert [tuple(one.shape[1:3]) for one in outputs] == 2 * [(2, 3), (4, 6), (8, 12), (16, 24)]
    assert {one.shape[-1] for one in outputs[:4]} == {8}
