"""The residual network."""

import keras
import pytest

from pipeline.networks.blocks.resnet import build_resnet, count_resnet_weights


@pytest.mark.parametrize(
    ("num_blocks", "bottleneck", "num_weights"),
    [((2, 2, 2, 2), False, 11_166_912), ((3, 4, 6, 3), True, 23_454_912), ((3, 4, 23, 3), True, 42_394_816)],
    ids=["ResNet-18", "ResNet-50", "ResNet-101"],
)
def test_kernels_are_those_of_the_paper(num_blocks: tuple[int, ...], bottleneck: bool, num_weights: int) -> None:
    """Those of torchvision's models without classifier, scales and shifts."""
    assert count_resnet_weights(num_blocks, 64, bottleneck) == num_weights


@pytest.mark.parametrize(("max_stride", "sides"), [(8, [16, 8, 8, 8]), (16, [16, 8, 4, 4]), (32, [16, 8, 4, 2])])
def test_stages_keep_the_size_beyond_the_largest_stride(max_stride: int, sides: list[int]) -> None:
    """And are dilated in its place, so that what each feature sees is the same."""
    images = keras.Input((64, 64, 3))
    stages = build_resnet(images, (1, 2, 1, 1), 4, False, max_stride)
    assert [stage.shape[1:] for stage in stages] == [(side, side, 4 << i) for i, side in enumerate(sides)]
    last = keras.Model(images, stages).get_layer("stage3_0b")
    assert last.dilation_rate == (32 // max_stride,) * 2
