"""Logits of coarser features."""

import keras
import numpy as np
import pytest

from pipeline.networks.table import NETWORKS
from pipeline.training.auxiliary import added_variables, build_auxiliary, coarse_targets
from tests.networks.small import SMALL, build, shape_of


@pytest.mark.parametrize("name", NETWORKS)
def test_each_network_has_coarser_features(name: str) -> None:
    """Their logits are there for any size, the network's own stay, and each has a kernel and a bias of its own."""
    network = build(name, SMALL[name])
    layers = shape_of(name, SMALL[name]).coarse_layers
    images = np.random.default_rng(0).uniform(0, 255, (2, 64, 97, 3)).astype(np.float32)
    auxiliary = build_auxiliary(network, layers, 3)
    logits, *coarse = auxiliary(images)
    np.testing.assert_array_equal(logits, network(images))
    assert len(coarse) == len(layers) >= 1
    for some in coarse:
        assert some.dtype == "float32" and some.shape[-1] == 3
        assert (
            some.shape[1] < 64
            and coarse_targets(np.zeros((2, 64, 97), int), some.shape[1:3], 9).shape == some.shape[:3]
        )
    added = added_variables(auxiliary, network)
    assert len(added) == 2 * len(layers) and not {id(one) for one in added} & {id(one) for one in network.variables}


def test_a_coarse_target_is_the_one_in_the_middle_of_its_window() -> None:
    """By a slow loop; the padding below and to the right is ignored."""
    targets = np.random.default_rng(0).integers(0, 9, (2, 13, 30)).astype(np.int32)
    found = keras.ops.convert_to_numpy(coarse_targets(keras.ops.array(targets), (4, 4), 255))
    for y in range(4):
        for x in range(4):
            row, column = 4 * y + 2, 8 * x + 4
            expected = targets[:, row, column] if row < 13 and column < 30 else 255
            np.testing.assert_array_equal(found[:, y, x], expected)
