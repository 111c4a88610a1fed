"""The DeepLabv3+ of Chen et al. (2018) on a residual network, for images of any size."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from pipeline.networks.blocks.resnet import Residual
from pipeline.param_types import Whole

if TYPE_CHECKING:
    import keras

STRIDE = 16
DETAIL_SHARE = 16 / 3
"""The decoder gets 48 channels of the first stage's features beside 256 of context."""


def build_deeplab(
    *,
    num_classes: int,
    num_blocks: Sequence[int],
    width: int,
    bottleneck: bool,
    rates: Sequence[int],
    context_channels: int,
    dropout: float,
    channel_mean: Sequence[float],
    channel_std: Sequence[float],
) -> "keras.Model":
    """Builds the network, see `Network.build` and `build_resnet` also for the other arguments.

    The features have 1/16 of the size, and are joined with those of 1/4. All its convolutions are plain ones; the
    paper's separable ones are slower on a CPU.

    Args:
        rates: dilation of each atrous convolution; (6, 12, 18) in the paper.
        context_channels: of each part of the atrous pyramid and of the decoder; 256 in the paper.
        dropout: share of the channels before the logits that training drops.
    """
    import keras

    from pipeline.networks.blocks.convolution import convolve, convolve_times
    from pipeline.networks.blocks.layers import PadToMultiple, normalise
    from pipeline.networks.blocks.resizing import ResizeLike, classify
    from pipeline.networks.blocks.resnet import build_resnet

    images = keras.Input((None, None, 3), name="images", dtype="float32")
    padded = PadToMultiple(STRIDE, name="pad")(normalise(images, channel_mean, channel_std))
    details, *_, x = build_resnet(padded, num_blocks, width, bottleneck, STRIDE)
    x = _atrous_pyramid(x, rates, context_channels)
    details = convolve(details, count_details(context_channels), 1, "details")
    x = keras.layers.Concatenate(name="join")([ResizeLike(name="grow_context")([x, details]), details])
    x = convolve_times(x, 2, context_channels, "last")
    return keras.Model(images, classify(x, padded, images, num_classes, dropout), name="deeplabv3plus")


def _atrous_pyramid(x: Any, rates: Sequence[int], num_channels: int) -> Any:
    """Parallel convolutions that look differently far, and the mean of the image; (N, H, W, num_channels)."""
    import keras

    from pipeline.networks.blocks.convolution import convolve
    from pipeline.networks.blocks.resizing import AverageTo, ResizeLike

    mean = convolve(AverageTo(1, name="image_mean")(x), num_channels, 1, "image")
    parts = [convolve(x, num_channels, 1, "point"), ResizeLike(name="image_grow")([mean, x])]
    parts += [convolve(x, num_channels, 3, f"atrous{i}", dilation_rate=rate) for i, rate in enumerate(rates)]
    return convolve(keras.layers.Concatenate(name="atrous_join")(parts), num_channels, 1, "context")


def count_details(context_channels: int) -> int:
    """Channels of the first stage's features that the decoder gets."""
    return max(1, round(context_channels / DETAIL_SHARE))


class DeepLabV3Plus(Residual):
    """Shape of the DeepLabv3+; see `build_deeplab`."""

    title: ClassVar[str] = "DeepLabv3+"
    build = staticmethod(build_deeplab)
    name: Literal["deeplabv3plus"]
    rates: Annotated[tuple[Annotated[Whole, Field(ge=1, le=64)], ...], Field(min_length=1, max_length=8)]
    context_channels: Annotated[Whole, Field(ge=1, le=2048)]

    @property
    def num_weights(self) -> int:
        """Those of the kernels."""
        context, features, rates = self.context_channels, self.num_channels, len(self.rates)
        pyramid = context * (features * (2 + 9 * rates) + context * (2 + rates))
        details = count_details(context)
        decoder = details * self.num_detail_channels + 9 * context * (2 * context + details)
        return self.num_backbone_weights + pyramid + decoder

    @property
    def coarse_layers(self) -> tuple[str, ...]:
        """The context, at 1/16 of the size."""
        return ("context_relu",)

    @property
    def min_side_px(self) -> int:
        """One pixel of the features."""
        return STRIDE
