"""The ERFNet of Romera et al. (2018), a light network with a wide view, for images of any size."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from pipeline.networks.network import Network
from pipeline.param_types import Whole

if TYPE_CHECKING:
    import keras

STRIDE = 8
NUM_PLAIN, NUM_LAST = 5, 2
"""Blocks at 1/4 of the size on the way down, and at 1/4 and 1/2 on the way up."""
EARLY = 0.1
"""Share of the dropout that the first blocks have, 0.03 of 0.3 in the paper."""


def build_erfnet(
    *,
    num_classes: int,
    width: int,
    dilations: Sequence[int],
    dropout: float,
    channel_mean: Sequence[float],
    channel_std: Sequence[float],
) -> "keras.Model":
    """Builds the network, see `Network.build` also for the other arguments; its variables are float32.

    Args:
        width: channels at 1/2 of the size; 1/4 has 4 times as many and 1/8 has 8 times. 16 in the paper.
        dilations: of each block at 1/8 of the size; (2, 4, 8, 16, 2, 4, 8, 16) in the paper.
        dropout: share of the channels that training drops in each block at 1/8; 0.3 in the paper.
    """
    import keras

    from pipeline.networks.blocks.layers import CropLike, PadToMultiple, normalise

    images = keras.Input((None, None, 3), name="images", dtype="float32")
    x = PadToMultiple(STRIDE, name="pad")(normalise(images, channel_mean, channel_std))
    x = _shrink(_shrink(x, width, "half"), 4 * width, "quarter")
    for number in range(NUM_PLAIN):
        x = _block(x, 1, EARLY * dropout, f"quarter{number}")
    x = _shrink(x, 8 * width, "eighth")
    for number, dilation in enumerate(dilations):
        x = _block(x, dilation, dropout, f"eighth{number}")
    for name, num_channels in (("grow0", 4 * width), ("grow1", width)):
        x = _grow(x, num_channels, name)
        for number in range(NUM_LAST):
            x = _block(x, 1, 0.0, f"{name}_{number}")
    x = keras.layers.Conv2DTranspose(num_classes, 2, strides=2, dtype="float32", name="classify")(x)
    return keras.Model(images, CropLike(name="logits")([x, images]), name="erfnet")


def _shrink(x: Any, num_channels: int, name: str) -> Any:
    """Half the size: maxima of windows beside what a convolution adds to them."""
    import keras

    from pipeline.networks.blocks.layers import BatchNorm

    added = keras.layers.Conv2D(
        *(num_channels - x.shape[-1], 3),
        strides=2,
        padding="same",
        kernel_initializer="he_normal",
        name=f"{name}_added",
    )(x)
    x = keras.layers.Concatenate(name=name)([added, keras.layers.MaxPooling2D(name=f"{name}_pool")(x)])
    return keras.layers.ReLU(name=f"{name}_relu")(BatchNorm(name=f"{name}_norm")(x))


def _block(x: Any, dilation: int, dropout: float, name: str) -> Any:
    """A residual block of convolutions 3 x 1 and 1 x 3, of which the second pair is dilated."""
    import keras

    from pipeline.networks.blocks.layers import BatchNorm, Convolution

    y = x
    for pair, rate in (("a", 1), ("b", dilation)):
        for side_px, rates in (((3, 1), (rate, 1)), ((1, 3), (1, rate))):
            y = Convolution(
                *(x.shape[-1], side_px),
                padding="same",
                dilation_rate=rates,
                kernel_initializer="he_normal",
                name=f"{name}{pair}{side_px[0]}",
            )(y)
            if side_px[1] == 3:
                y = BatchNorm(name=f"{name}{pair}_norm")(y)
            if (pair, side_px[1]) != ("b", 3):
                y = keras.layers.ReLU(name=f"{name}{pair}{side_px[0]}_relu")(y)
    y = keras.layers.SpatialDropout2D(dropout, name=f"{name}_drop")(y)
    return keras.layers.ReLU(name=f"{name}_relu")(keras.layers.Add(name=name)([x, y]))


def _grow(x: Any, num_channels: int, name: str) -> Any:
    """Twice the size, by a transposed convolution."""
    import keras

    from pipeline.networks.blocks.layers import BatchNorm

    x = keras.layers.Conv2DTranspose(num_channels, 3, strides=2, padding="same", name=name)(x)
    return keras.layers.ReLU(name=f"{name}_relu")(BatchNorm(name=f"{name}_norm")(x))


class ERFNet(Network):
    """Shape of the ERFNet; see `build_erfnet`."""

    title: ClassVar[str] = "ERFNet"
    build = staticmethod(build_erfnet)
    name: Literal["erfnet"]
    width: Annotated[Whole, Field(ge=4, le=512)]
    dilations: Annotated[tuple[Annotated[Whole, Field(ge=1, le=64)], ...], Field(min_length=1, max_length=64)]
    dropout: Annotated[float, Field(ge=0, le=0.9)]

    @property
    def num_weights(self) -> int:
        """Those of the kernels: a block has 12 times the square of its channels."""
        squares = 16 * (NUM_PLAIN + NUM_LAST) + 64 * len(self.dilations) + NUM_LAST
        grows = 9 * (8 * 4 + 4)
        shrinks = 9 * (1 * 3 + 4 * 4)
        return self.width**2 * (12 * squares + grows + shrinks)

    @property
    def min_side_px(self) -> int:
        """One pixel at 1/8 of the size."""
        return STRIDE

    def map_bytes(self, num_images: int, height: int, width: int) -> int:
        """Of the features at 1/2 or 1/4 of the size, which are equally large, and of the logits."""
        return 4 * num_images * height * width * max(self.width // 4, 16)
