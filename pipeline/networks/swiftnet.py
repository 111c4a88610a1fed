"""The single-scale SwiftNet of Oršić et al. (2019): wide context at 1/32 of the size, and a narrow way up."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from pipeline.networks.blocks.resnet import STEM_STRIDE, Residual, stage_channels
from pipeline.param_types import Whole

if TYPE_CHECKING:
    import keras


def build_swiftnet(
    *,
    num_classes: int,
    num_blocks: Sequence[int],
    width: int,
    bottleneck: bool,
    grids: Sequence[int],
    context_channels: int,
    dropout: float,
    channel_mean: Sequence[float],
    channel_std: Sequence[float],
) -> "keras.Model":
    """Builds the network, see `Network.build` and `build_resnet` also for the other arguments.

    The logits have 1/4 of the size and are resized.

    Args:
        grids: windows along each axis of each grid of means at the lowest level; (8, 4, 2) in the paper.
        context_channels: of the context and of each level of the way up; 128 in the paper.
        dropout: share of the channels before the logits that training drops.
    """
    import keras

    from pipeline.networks.blocks.convolution import convolve
    from pipeline.networks.blocks.layers import PadToMultiple, normalise
    from pipeline.networks.blocks.resizing import ResizeLike, classify, pyramid
    from pipeline.networks.blocks.resnet import build_resnet

    stride = STEM_STRIDE << (len(num_blocks) - 1)
    images = keras.Input((None, None, 3), name="images", dtype="float32")
    padded = PadToMultiple(stride, name="pad")(normalise(images, channel_mean, channel_std))
    *stages, x = build_resnet(padded, num_blocks, width, bottleneck, stride)
    x = convolve(x, context_channels, 1, "narrow")
    x = pyramid(x, grids, max(1, context_channels // len(grids)), "grid")
    x = convolve(x, context_channels, 1, "context")
    for level in reversed(range(len(stages))):
        skip = convolve(stages[level], context_channels, 1, f"skip{level}", relu=False)
        x = keras.layers.Add(name=f"add{level}")([ResizeLike(name=f"grow{level}")([x, skip]), skip])
        x = convolve(x, context_channels, 3, f"blend{level}")
    return keras.Model(images, classify(x, padded, images, num_classes, dropout), name="swiftnet")


class SwiftNet(Residual):
    """Shape of the SwiftNet; see `build_swiftnet`."""

    title: ClassVar[str] = "SwiftNet"
    build = staticmethod(build_swiftnet)
    name: Literal["swiftnet"]
    grids: Annotated[tuple[Annotated[Whole, Field(ge=1, le=32)], ...], Field(min_length=1, max_length=8)]
    context_channels: Annotated[Whole, Field(ge=1, le=1024)]

    @property
    def num_weights(self) -> int:
        """Those of the kernels."""
        *skips, features = stage_channels(self.num_blocks, self.width, self.bottleneck)
        context = self.context_channels
        added = len(self.grids) * max(1, context // len(self.grids))
        grids = (features + added) * context + (context + added) * context
        return self.num_backbone_weights + grids + sum(skips) * context + 9 * len(skips) * context**2

    @property
    def min_side_px(self) -> int:
        """One pixel of the features."""
        return STEM_STRIDE << (len(self.num_blocks) - 1)
