"""The deep residual U-Net of Zhang, Liu and Wang (2018), for images of any size."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pipeline.networks.unet import Levels

if TYPE_CHECKING:
    import keras


def build_residual_unet(
    *,
    num_classes: int,
    num_levels: int,
    width: int,
    dropout: float,
    channel_mean: Sequence[float],
    channel_std: Sequence[float],
) -> "keras.Model":
    """Builds the network, see `Network.build` also for the other arguments; its variables are float32.

    Args:
        num_levels: times that the size is halved; 3 in the paper.
        width: channels of the first level; each level doubles them. 64 in the paper.
        dropout: share of the lowest level's channels that training drops.
    """
    import keras

    from pipeline.networks.blocks.layers import CropLike, PadToMultiple, normalise

    images = keras.Input((None, None, 3), name="images", dtype="float32")
    x = PadToMultiple(2**num_levels, name="pad")(normalise(images, channel_mean, channel_std))
    skips = []
    for level in range(num_levels):
        x = _unit(x, width << level, 1 if level == 0 else 2, f"down{level}")
        skips.append(x)
    x = _unit(x, width << num_levels, 2, "bottom")
    x = keras.layers.SpatialDropout2D(dropout, name="dropout")(x)
    for level in reversed(range(num_levels)):
        up = keras.layers.UpSampling2D(name=f"up{level}_grow")(x)
        x = keras.layers.Concatenate(name=f"up{level}_join")([skips[level], up])
        x = _unit(x, width << level, 1, f"up{level}")
    x = keras.layers.Conv2D(num_classes, 1, dtype="float32", name="classify")(x)
    return keras.Model(images, CropLike(name="logits")([x, images]), name="residual_unet")


def _unit(x: Any, num_channels: int, stride: int, name: str) -> Any:
    """Two times batch normalisation, ReLU, convolution 3 x 3; the input is added by a 1 x 1 convolution.

    Images have been normalised already: the first convolution of the network gets them as they are.
    """
    import keras

    from pipeline.networks.blocks.convolution import subsample
    from pipeline.networks.blocks.layers import BatchNorm, Convolution

    def convolve(y: Any, part: str, side_px: int, step: int) -> Any:
        return Convolution(
            *(num_channels, side_px),
            strides=step,
            padding="same",
            kernel_initializer="he_normal",
            name=f"{name}{part}",
        )(y)

    y = x
    for part, step in (("a", stride), ("b", 1)):
        if y.shape[-1] != 3:
            y = keras.layers.ReLU(name=f"{name}{part}_relu")(BatchNorm(name=f"{name}{part}_norm")(y))
        y = convolve(y, part, 3, step)
    return keras.layers.Add(name=name)([y, convolve(subsample(x, stride, f"{name}_pick"), "_short", 1, 1)])


class ResidualUNet(Levels):
    """Shape of the residual U-Net; see `build_residual_unet`."""

    title: ClassVar[str] = "Residual U-Net"
    build = staticmethod(build_residual_unet)
    name: Literal["residual_unet"]

    @property
    def num_weights(self) -> int:
        """Those of the kernels of each unit, by its channels before and after."""
        down = zip([3, *self.channels], self.channels, strict=False)
        up = [(low + high, low) for low, high in zip(self.channels, self.channels[1:], strict=False)]
        return sum(10 * before * after + 9 * after**2 for before, after in (*down, *up))

    @property
    def coarse_layers(self) -> tuple[str, ...]:
        """The lowest level, and those of the way up but the first."""
        return ("bottom", *(f"up{level}" for level in range(1, self.num_levels)))

    def map_bytes(self, num_images: int, height: int, width: int) -> int:
        """Of the first level's skip beside what comes from below."""
        return 4 * num_images * height * width * self.width * 3
