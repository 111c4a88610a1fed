"""The residual network of He et al. (2016), whose last stages may keep their size and look further apart instead."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from pydantic import Field

from pipeline.networks.network import Network
from pipeline.param_types import Whole

STEM_PX, STEM_STRIDE = 7, 4
EXPANSION = 4
"""A bottleneck block gives so many times the channels that its 3 x 3 convolution has."""


def build_resnet(x: Any, num_blocks: Sequence[int], width: int, bottleneck: bool, max_stride: int) -> list[Any]:
    """Builds the network without its classifier.

    Args:
        x: images (N, H, W, 3), normalised.
        num_blocks: of each stage; (3, 4, 6, 3) with bottlenecks is ResNet-50, (2, 2, 2, 2) without is ResNet-18.
        width: channels of the stem; each stage doubles them. 64 in the paper.
        bottleneck: blocks are 1 x 1, 3 x 3, 1 x 1; else two times 3 x 3.
        max_stride: a stage that would make the features smaller than by this dilates its convolutions (Yu and Koltun,
            2016) in place of a stride.

    Returns:
        The features of each stage.
    """
    import keras

    from pipeline.networks.blocks.convolution import convolve

    x = convolve(x, width, STEM_PX, "stem", strides=2)
    x = keras.layers.MaxPooling2D(3, strides=2, padding="same", name="stem_pool")(x)
    stages = []
    for stage, (stride, dilation) in enumerate(_strides(len(num_blocks), max_stride)):
        for block in range(num_blocks[stage]):
            step = stride if block == 0 else 1
            x = _block(x, width << stage, step, dilation, bottleneck, f"stage{stage}_{block}")
        stages.append(x)
    return stages


def _strides(num_stages: int, max_stride: int) -> Iterator[tuple[int, int]]:
    """Stride and dilation of each stage."""
    yield 1, 1
    for stage in range(1, num_stages):
        wanted = STEM_STRIDE << stage
        yield (2, 1) if wanted <= max_stride else (1, wanted // max_stride)


def _block(x: Any, width: int, stride: int, dilation: int, bottleneck: bool, name: str) -> Any:
    import keras

    from pipeline.networks.blocks.convolution import convolve, subsample

    num_channels = width * (EXPANSION if bottleneck else 1)
    steps: dict[str, Any] = {"strides": stride} if stride > 1 else {"dilation_rate": dilation}
    if bottleneck:
        y = convolve(x, width, 1, f"{name}a")
        y = convolve(y, width, 3, f"{name}b", **steps)
        y = convolve(y, num_channels, 1, f"{name}c", relu=False)
    else:
        y = convolve(x, width, 3, f"{name}a", **steps)
        y = convolve(y, width, 3, f"{name}b", relu=False, dilation_rate=dilation)
    if stride > 1 or x.shape[-1] != num_channels:
        x = convolve(subsample(x, stride, f"{name}_pick"), num_channels, 1, f"{name}_short", relu=False)
    return keras.layers.ReLU(name=f"{name}_relu")(keras.layers.Add(name=f"{name}_add")([x, y]))


def stage_channels(num_blocks: Sequence[int], width: int, bottleneck: bool) -> list[int]:
    """Channels of the features of each stage."""
    return [(width << stage) * (EXPANSION if bottleneck else 1) for stage in range(len(num_blocks))]


def count_resnet_weights(num_blocks: Sequence[int], width: int, bottleneck: bool) -> int:
    """Those of the kernels."""
    total, before = STEM_PX**2 * 3 * width, width
    for stage, (num, after) in enumerate(zip(num_blocks, stage_channels(num_blocks, width, bottleneck), strict=True)):
        inner = width << stage
        first, rest = (
            (channels * inner + 9 * inner**2 + inner * after if bottleneck else 9 * (channels * inner + inner**2))
            for channels in (before, after)
        )
        total += first + (num - 1) * rest + (before * after if before != after else 0)
        before = after
    return total


class Residual(Network):
    """Base of the networks on a residual network; see `build_resnet`."""

    num_blocks: Annotated[tuple[Annotated[Whole, Field(ge=1, le=64)], ...], Field(min_length=2, max_length=6)]
    width: Annotated[Whole, Field(ge=1, le=512)]
    bottleneck: bool
    dropout: Annotated[float, Field(ge=0, le=0.9)]

    @property
    def num_backbone_weights(self) -> int:
        """Those of the residual network."""
        return count_resnet_weights(self.num_blocks, self.width, self.bottleneck)

    @property
    def num_detail_channels(self) -> int:
        """Channels of the first stage's features."""
        return stage_channels(self.num_blocks, self.width, self.bottleneck)[0]

    @property
    def num_channels(self) -> int:
        """Channels of the last stage's features."""
        return stage_channels(self.num_blocks, self.width, self.bottleneck)[-1]

    def map_bytes(self, num_images: int, height: int, width: int) -> int:
        """Of the last stage at 1/8 of the size, of the stem at 1/2, or of 16 classes at the whole size."""
        return 4 * num_images * height * width * max(self.num_channels // 64, self.width // 4, 16)
