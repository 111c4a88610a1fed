"""The single-scale SwiftNet of Oršić et al. (2019) on a published encoder; for images of any size."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from pipeline.networks.blocks.ladder import ContextChannels, Grids, build_ladder, count_ladder_weights, ladder_layers
from pipeline.networks.pretrained.encoder import MAX_STRIDE
from pipeline.networks.pretrained.encoders import ENCODERS
from pipeline.networks.pretrained.network import Pretrained

if TYPE_CHECKING:
    import keras


def build_encoder_swiftnet(
    *,
    num_classes: int,
    encoder: str,
    encoder_weights: str,
    encoder_weights_md5: str,
    grids: Sequence[int],
    context_channels: int,
    dropout: float,
    channel_mean: Sequence[float],
    channel_std: Sequence[float],
) -> "keras.Model":
    """Builds the network with random weights, see `build_encoder_unet` and `build_ladder` for the arguments.

    The logits have 1/4 of the size and are resized.
    """
    import keras

    from pipeline.networks.blocks.layers import PadToMultiple
    from pipeline.networks.blocks.resizing import classify

    images = keras.Input((None, None, 3), name="images", dtype="float32")
    padded = PadToMultiple(MAX_STRIDE, name="pad")(images)  # black, as beyond the edge in augmentation
    stages = ENCODERS[encoder].encode(padded)[1:]
    x = build_ladder(stages, grids, context_channels)
    return keras.Model(images, classify(x, padded, images, num_classes, dropout), name="encoder_swiftnet")


class EncoderSwiftNet(Pretrained):
    """Shape and start of the network; see `build_encoder_swiftnet`."""

    title: ClassVar[str] = "SwiftNet on a published encoder"
    build = staticmethod(build_encoder_swiftnet)
    name: Literal["encoder_swiftnet"]
    grids: Grids
    context_channels: ContextChannels

    @property
    def num_weights(self) -> int:
        """Those of the encoder and of the other kernels."""
        channels = self.published.channels[1:]
        return self.published.num_weights + count_ladder_weights(channels, self.grids, self.context_channels)

    @property
    def coarse_layers(self) -> tuple[str, ...]:
        """The context, and the levels of the way up but the first."""
        return ladder_layers(len(self.published.channels) - 1)

    def map_bytes(self, num_images: int, height: int, width: int) -> int:
        """Of the encoder, of the first level at 1/4 of the size, or of 16 classes at the whole size."""
        return 4 * num_images * height * width * max(self.published.map_values, self.context_channels // 16, 16)
