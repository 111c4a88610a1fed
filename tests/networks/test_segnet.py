"""The SegNet."""

import pytest

from tests.networks.small import build, shape_of


def test_the_number_of_parameters_is_that_of_the_paper() -> None:
    """29.5 million."""
    assert shape_of("segnet", {"width": 64}).num_weights / 1e6 == pytest.approx(29.5, rel=0.01)


def test_the_way_up_mirrors_the_way_down() -> None:
    """The last convolution of a level has the channels of the level above; the first level keeps its own."""
    network = build("segnet", {"width": 4})
    channels = {layer.name: layer.output.shape[-1] for layer in network.layers if layer.name.endswith("_last")}
    assert channels == {"up4_last": 32, "up3_last": 16, "up2_last": 8, "up1_last": 4, "up0_last": 4}
