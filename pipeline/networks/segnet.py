"""The SegNet of Badrinarayanan, Kendall and Cipolla (2017), for images of any size."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from pipeline.networks.blocks.vgg import VGG16, count_vgg_weights, vgg_channels
from pipeline.networks.network import Network
from pipeline.param_types import Whole

if TYPE_CHECKING:
    import keras


def build_segnet(
    *, num_classes: int, width: int, channel_mean: Sequence[float], channel_std: Sequence[float]
) -> "keras.Model":
    """Builds the network, see `Network.build` also for the other arguments; its variables are float32.

    The way down is VGG-16. The way up puts features back where the pooling found the maxima.

    Args:
        width: channels of the first level; 64 in the paper.
    """
    import keras

    from pipeline.networks.blocks.convolution import convolve, convolve_times
    from pipeline.networks.blocks.layers import CropLike, PadToMultiple, normalise
    from pipeline.networks.blocks.unpooling import PoolWithPlaces, Unpool

    images = keras.Input((None, None, 3), name="images", dtype="float32")
    x = PadToMultiple(1 << len(VGG16), name="pad")(normalise(images, channel_mean, channel_std))
    channels, places = vgg_channels(width), []
    for level, num in enumerate(VGG16):
        x = convolve_times(x, num, channels[level], f"down{level}")
        x, place = PoolWithPlaces(name=f"pool{level}")(x)
        places.append(place)
    for level, num in reversed(list(enumerate(VGG16))):
        x = Unpool(name=f"unpool{level}")([x, places[level]])
        x = convolve_times(x, num - 1, channels[level], f"up{level}")
        x = convolve(x, channels[max(level - 1, 0)], 3, f"up{level}_last")
    x = keras.layers.Conv2D(num_classes, 1, dtype="float32", name="classify")(x)
    return keras.Model(images, CropLike(name="logits")([x, images]), name="segnet")


class SegNet(Network):
    """Shape of the SegNet; see `build_segnet`."""

    title: ClassVar[str] = "SegNet"
    build = staticmethod(build_segnet)
    name: Literal["segnet"]
    width: Annotated[Whole, Field(ge=1, le=512)]

    @property
    def num_weights(self) -> int:
        """Those of VGG-16's kernels, on the way down and on the way up."""
        return 2 * count_vgg_weights(self.width)

    @property
    def min_side_px(self) -> int:
        """One pixel at the lowest level."""
        return 32

    @property
    def coarse_layers(self) -> tuple[str, ...]:
        """Those of the way up but the first."""
        return tuple(f"up{level}_last_relu" for level in range(1, len(VGG16)))

    def map_bytes(self, num_images: int, height: int, width: int) -> int:
        """Of the first level, with the places of its maxima."""
        return 2 * 4 * num_images * height * width * self.width
