"""The PSPNet of Zhao et al. (2017), for images of any size."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from pipeline.networks.blocks.resnet import Residual
from pipeline.param_types import Whole

if TYPE_CHECKING:
    import keras

STRIDE = 8
SHARE = 4
"""Each grid adds a quarter of the features' channels, and the layer before the logits has as many."""


def build_pspnet(
    *,
    num_classes: int,
    num_blocks: Sequence[int],
    width: int,
    bottleneck: bool,
    grids: Sequence[int],
    dropout: float,
    channel_mean: Sequence[float],
    channel_std: Sequence[float],
) -> "keras.Model":
    """Builds the network, see `Network.build` and `build_resnet` also for the other arguments.

    The features have 1/8 of the size. The paper's second classifier is that of `train.auxiliary_weight`.

    Args:
        grids: windows along each axis of each grid of means; (1, 2, 3, 6) in the paper.
        dropout: share of the channels before the logits that training drops.
    """
    import keras

    from pipeline.networks.blocks.convolution import convolve
    from pipeline.networks.blocks.layers import PadToMultiple, normalise
    from pipeline.networks.blocks.resizing import classify, pyramid
    from pipeline.networks.blocks.resnet import build_resnet

    images = keras.Input((None, None, 3), name="images", dtype="float32")
    padded = PadToMultiple(STRIDE, name="pad")(normalise(images, channel_mean, channel_std))
    x = build_resnet(padded, num_blocks, width, bottleneck, STRIDE)[-1]
    num_channels = max(1, x.shape[-1] // SHARE)
    x = pyramid(x, grids, num_channels, "grid")
    x = convolve(x, num_channels, 3, "last")
    return keras.Model(images, classify(x, padded, images, num_classes, dropout), name="pspnet")


class PSPNet(Residual):
    """Shape of the PSPNet; see `build_pspnet`."""

    title: ClassVar[str] = "PSPNet"
    build = staticmethod(build_pspnet)
    name: Literal["pspnet"]
    grids: Annotated[tuple[Annotated[Whole, Field(ge=1, le=32)], ...], Field(min_length=1, max_length=8)]

    @property
    def num_weights(self) -> int:
        """Those of the kernels."""
        features = self.num_channels
        added = max(1, features // SHARE)
        num = len(self.grids)
        return self.num_backbone_weights + num * features * added + 9 * (features + num * added) * added

    @property
    def coarse_layers(self) -> tuple[str, ...]:
        """The stage before the last one, as in the paper."""
        return (f"stage{len(self.num_blocks) - 2}_{self.num_blocks[-2] - 1}_relu",)

    @property
    def min_side_px(self) -> int:
        """One pixel of the features."""
        return STRIDE
