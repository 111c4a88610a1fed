"""The FCN-8s."""

import pytest

from tests.networks.small import build, shape_of


def test_the_number_of_parameters_is_that_of_the_paper() -> None:
    """134 million, in Table 1 there."""
    fields = {"width": 64, "head_channels": 4096, "dropout": 0.5}
    assert shape_of("fcn8s", fields).num_weights / 1e6 == pytest.approx(134, rel=0.01)


def test_logits_of_three_levels_are_summed() -> None:
    """Of 1/32, 1/16 and 1/8 of the size, with the channels of VGG-16's last three levels."""
    network = build("fcn8s", {"width": 4, "head_channels": 8, "dropout": 0.0})
    kernels = {name: network.get_layer(name).kernel.shape for name in ("classify", "classify3", "classify2")}
    assert list(kernels.values()) == [(1, 1, 8, 3), (1, 1, 32, 3), (1, 1, 16, 3)]
