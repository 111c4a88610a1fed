"""The single-scale SwiftNet of Oršić et al. (2019): wide context at 1/32 of the size, and a narrow way up."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from pipeline.networks.blocks.ladder import ContextChannels, Grids, build_ladder, count_ladder_weights, ladder_layers
from pipeline.networks.blocks.resnet import STEM_STRIDE, Residual, stage_channels

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
        grids: as in `build_ladder`.
        context_channels: its `num_channels`.
        dropout: share of the channels before the logits that training drops.
    """
    import keras

    from pipeline.networks.blocks.layers import PadToMultiple, normalise
    from pipeline.networks.blocks.resizing import classify
    from pipeline.networks.blocks.resnet import build_resnet

    stride = STEM_STRIDE << (len(num_blocks) - 1)
    images = keras.Input((None, None, 3), name="images", dtype="float32")
    padded = PadToMultiple(stride, name="pad")(normalise(images, channel_mean, channel_std))
    stages = build_resnet(padded, num_blocks, width, bottleneck, stride)
    x = build_ladder(stages, grids, context_channels)
    return keras.Model(images, classify(x, padded, images, num_classes, dropout), name="swiftnet")


class SwiftNet(Residual):
    """Shape of the SwiftNet; see `build_swiftnet`."""

    title: ClassVar[str] = "SwiftNet"
    build = staticmethod(build_swiftnet)
    name: Literal["swiftnet"]
    grids: Grids
    context_channels: ContextChannels

    @property
    def num_weights(self) -> int:
        """Those of the kernels."""
        channels = stage_channels(self.num_blocks, self.width, self.bottleneck)
        return self.num_backbone_weights + count_ladder_weights(channels, self.grids, self.context_channels)

    @property
    def coarse_layers(self) -> tuple[str, ...]:
        """The context, and the levels of the way up but the first."""
        return ladder_layers(len(self.num_blocks))

    @property
    def min_side_px(self) -> int:
        """One pixel of the features."""
        return STEM_STRIDE << (len(self.num_blocks) - 1)
