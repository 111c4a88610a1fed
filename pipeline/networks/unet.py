"""The U-Net of Ronneberger, Fischer and Brox (2015), with batch normalisation, for images of any size."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from pipeline.networks.network import Network
from pipeline.param_types import Whole

if TYPE_CHECKING:
    import keras


def build_unet(
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
        num_levels: times that the size is halved.
        width: channels of the first level; each level doubles them.
        dropout: share of the lowest level's channels that training drops.
    """
    import keras

    from pipeline.networks.blocks.layers import CropLike, PadToMultiple, double_convolution, normalise

    images = keras.Input((None, None, 3), name="images", dtype="float32")
    x = PadToMultiple(2**num_levels, name="pad")(normalise(images, channel_mean, channel_std))  # (N, ceil H, ceil W, 3)
    skips = []
    for level in range(num_levels):
        x = double_convolution(x, width * 2**level, f"down{level}")
        skips.append(x)
        x = keras.layers.MaxPooling2D(name=f"pool{level}")(x)  # (N, H / 2^(level+1), W / 2^(level+1), F)
    x = double_convolution(x, width * 2**num_levels, "bottom")
    x = keras.layers.SpatialDropout2D(dropout, name="dropout")(x)
    for level in reversed(range(num_levels)):
        grow = keras.layers.Conv2DTranspose(width * 2**level, 2, strides=2, use_bias=False, name=f"up{level}_grow")
        up = grow(x)  # but for the border, the next normalisation would remove a bias
        x = keras.layers.Concatenate(name=f"up{level}_join")([skips[level], up])  # (N, H / 2^level, W / 2^level, 2F)
        x = double_convolution(x, width * 2**level, f"up{level}")
    x = keras.layers.Conv2D(num_classes, 1, dtype="float32", name="classify")(x)  # (N, ceil H, ceil W, K)
    logits = CropLike(name="logits")([x, images])  # (N, H, W, K)
    return keras.Model(images, logits, name="unet")


class Levels(Network):
    """Base of the networks that halve the size `num_levels` times and double the channels, from `width` on."""

    num_levels: Annotated[Whole, Field(ge=1, le=7)]
    width: Annotated[Whole, Field(ge=1, le=1024)]
    dropout: Annotated[float, Field(ge=0, le=0.9)]

    @property
    def channels(self) -> list[int]:
        """Of each level, the lowest one last."""
        return [self.width << level for level in range(self.num_levels + 1)]

    @property
    def min_side_px(self) -> int:
        """One pixel at the lowest level."""
        return 1 << self.num_levels


class UNet(Levels):
    """Shape of the U-Net; see `build_unet`."""

    title: ClassVar[str] = "U-Net"
    build = staticmethod(build_unet)
    name: Literal["unet"]

    @property
    def num_weights(self) -> int:
        """Those of the kernels of each level, by its channels before and after."""
        pairs = zip([3, *self.channels], self.channels, strict=False)
        down = sum(9 * (before + now) * now for before, now in pairs)
        return down + sum((9 * 3 + 4 * 2) * now**2 for now in self.channels[:-1])

    @property
    def coarse_layers(self) -> tuple[str, ...]:
        """The lowest level, and those of the way up but the first."""
        return ("bottomb_relu", *(f"up{level}b_relu" for level in range(1, self.num_levels)))

    def map_bytes(self, num_images: int, height: int, width: int) -> int:
        """Of the first level's skip beside what comes from below."""
        return 4 * num_images * height * width * self.width * 2
