"""The FCN-8s of Long, Shelhamer and Darrell (2015), with batch normalisation, for images of any size."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from pipeline.networks.blocks.vgg import VGG16, count_vgg_weights, vgg_channels
from pipeline.networks.network import Network
from pipeline.param_types import Whole

if TYPE_CHECKING:
    import keras

HEAD_PX = 7


def build_fcn(
    *,
    num_classes: int,
    width: int,
    head_channels: int,
    dropout: float,
    channel_mean: Sequence[float],
    channel_std: Sequence[float],
) -> "keras.Model":
    """Builds the network, see `Network.build` also for the other arguments; its variables are float32.

    Its way down is VGG-16, with batch normalisation. The logits at 1/32, 1/16 and 1/8 of the size are summed.

    Args:
        width: channels of the first level; 64 in the paper.
        head_channels: of the two layers before the logits; 4096 in the paper.
        dropout: share of the values of these two layers that training drops.
    """
    import keras

    from pipeline.networks.blocks.convolution import convolve, convolve_times
    from pipeline.networks.blocks.layers import CropLike, PadToMultiple, normalise
    from pipeline.networks.blocks.resizing import ResizeLike

    images = keras.Input((None, None, 3), name="images", dtype="float32")
    x = padded = PadToMultiple(1 << len(VGG16), name="pad")(normalise(images, channel_mean, channel_std))
    levels = []
    for level, (num, num_channels) in enumerate(zip(VGG16, vgg_channels(width), strict=True)):
        x = convolve_times(x, num, num_channels, f"down{level}")
        x = keras.layers.MaxPooling2D(name=f"pool{level}")(x)
        levels.append(x)
    for number, side_px in enumerate((HEAD_PX, 1)):
        x = convolve(x, head_channels, side_px, f"head{number}")
        x = keras.layers.Dropout(dropout, name=f"head{number}_drop")(x)
    x = keras.layers.Conv2D(num_classes, 1, dtype="float32", name="classify")(x)
    for level in (3, 2):
        logits = keras.layers.Conv2D(num_classes, 1, dtype="float32", name=f"classify{level}")(levels[level])
        x = ResizeLike(dtype="float32", name=f"grow{level}")([x, logits])
        x = keras.layers.Add(dtype="float32", name=f"add{level}")([x, logits])
    x = ResizeLike(dtype="float32", name="grow")([x, padded])
    return keras.Model(images, CropLike(name="logits")([x, images]), name="fcn8s")


class FCN8s(Network):
    """Shape of the FCN-8s; see `build_fcn`."""

    title: ClassVar[str] = "FCN-8s"
    build = staticmethod(build_fcn)
    name: Literal["fcn8s"]
    width: Annotated[Whole, Field(ge=1, le=512)]
    head_channels: Annotated[Whole, Field(ge=1, le=8192)]
    dropout: Annotated[float, Field(ge=0, le=0.9)]

    @property
    def num_weights(self) -> int:
        """Those of VGG-16's kernels and of the two layers before the logits."""
        return (
            count_vgg_weights(self.width)
            + HEAD_PX**2 * vgg_channels(self.width)[-1] * self.head_channels
            + self.head_channels**2
        )

    @property
    def min_side_px(self) -> int:
        """One pixel at the lowest level."""
        return 32

    @property
    def coarse_layers(self) -> tuple[str, ...]:
        """The last one before the logits at 1/32 of the size."""
        return ("head1_drop",)

    def map_bytes(self, num_images: int, height: int, width: int) -> int:
        """Of the first level, or of the layers before the logits."""
        return 4 * num_images * height * width * max(self.width, self.head_channels // 1024)
