"""The SwiftNet on a published encoder."""

import keras
import pytest

from pipeline.networks.pretrained.encoders import ENCODERS
from tests.networks.small import SMALL, build, shape_of

FIELDS = SMALL["encoder_swiftnet"]


def test_the_way_up_ends_at_a_quarter_of_the_size() -> None:
    """It begins at 1/32, and each level adds the encoder's features of its size."""
    network = build("encoder_swiftnet", {**FIELDS, "grids": (8, 4, 2), "context_channels": 128})
    levels = [network.get_layer(name).output for name in ("context", "blend2", "blend1", "blend0")]
    outputs = keras.Model(network.inputs, levels)(keras.ops.zeros((1, 64, 96, 3)))
    assert [tuple(one.shape[1:]) for one in outputs] == [(2, 3, 128), (4, 6, 128), (8, 12, 128), (16, 24, 128)]


@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_file_of_params_may_name_each_encoder(encoder: str) -> None:
    """The number of weights is about known before the network is built."""
    network = build("encoder_swiftnet", {**FIELDS, "encoder": encoder})
    shape = shape_of("encoder_swiftnet", {**FIELDS, "encoder": encoder})
    assert shape.num_weights == pytest.approx(network.count_params(), rel=0.02)
