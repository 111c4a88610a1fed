"""The PSPNet."""

import pytest

from tests.networks.small import build, shape_of

GRIDS = (1, 2, 3, 6)


def test_the_number_of_parameters_is_that_of_common_rebuilds() -> None:
    """46.7 million on ResNet-50, without the second classifier; the paper gives none."""
    fields = {"num_blocks": (3, 4, 6, 3), "width": 64, "bottleneck": True, "grids": GRIDS, "dropout": 0.1}
    assert shape_of("pspnet", fields).num_weights / 1e6 == pytest.approx(46.7, rel=0.01)


def test_the_grids_double_the_channels() -> None:
    """Four grids add a quarter each to features at 1/8 of the size; equal grids have names of their own."""
    fields = {"num_blocks": (1, 1, 1, 1), "width": 4, "bottleneck": True, "grids": GRIDS, "dropout": 0.0}
    network = build("pspnet", fields)
    features = network.get_layer("stage3_0_relu").output.shape[-1]
    assert (features, network.get_layer("grid_join").output.shape[-1]) == (128, 256)
    assert [network.get_layer(f"grid{number}_mean").num for number in range(4)] == list(GRIDS)
    build("pspnet", {**fields, "grids": (2, 2)})
