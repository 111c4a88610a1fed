"""The levels of VGG-16."""

from pipeline.networks.blocks.vgg import count_vgg_weights, vgg_channels


def test_kernels_are_those_of_the_paper() -> None:
    """Those of torchvision's VGG-16 without classifier and biases."""
    assert vgg_channels(64) == [64, 128, 256, 512, 512]
    assert count_vgg_weights(64) == 14_710_464
