"""A U-Net whose way down is a published network, which may start from published weights; for images of any size."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from pipeline.networks.pretrained.encoder import MAX_STRIDE
from pipeline.networks.pretrained.encoders import ENCODERS
from pipeline.networks.pretrained.network import Pretrained
from pipeline.param_types import Whole

if TYPE_CHECKING:
    import keras

MAX_LEVEL_CHANNELS = 8
"""The decoder's channels double from level to level down to so many times its width."""


def build_encoder_unet(
    *,
    num_classes: int,
    encoder: str,
    encoder_weights: str,
    encoder_weights_md5: str,
    width: int,
    dropout: float,
    channel_mean: Sequence[float],
    channel_std: Sequence[float],
) -> "keras.Model":
    """Builds the network with random weights, see `Network.build` also for the other arguments.

    The logits have 1/2 of the size and are resized. The encoder normalises as its published weights expect, so the
    training images' mean and deviation are not used.

    Args:
        encoder: key in `ENCODERS`.
        encoder_weights: read by `Pretrained.start`, not here.
        encoder_weights_md5: likewise.
        width: channels of the decoder's last level, at half of the size; each level below has twice as many, up to
            `MAX_LEVEL_CHANNELS` times.
        dropout: share of the last level's channels that training drops.
    """
    import keras

    from pipeline.networks.blocks.layers import PadToMultiple, double_convolution
    from pipeline.networks.blocks.resizing import ResizeLike, classify

    images = keras.Input((None, None, 3), name="images", dtype="float32")
    padded = PadToMultiple(MAX_STRIDE, name="pad")(images)  # black, as beyond the edge in augmentation
    *skips, x = ENCODERS[encoder].encode(padded)
    for level, num_channels in reversed(list(enumerate(decoder_channels(width)))):
        grown = ResizeLike(name=f"up{level}_grow")([x, skips[level]])
        x = keras.layers.Concatenate(name=f"up{level}_join")([skips[level], grown])
        x = double_convolution(x, num_channels, f"up{level}")
    return keras.Model(images, classify(x, padded, images, num_classes, dropout), name="encoder_unet")


def decoder_channels(width: int) -> list[int]:
    """Of the levels at 1/2, 1/4, 1/8 and 1/16 of the size."""
    return [width * min(1 << level, MAX_LEVEL_CHANNELS) for level in range(4)]


class EncoderUNet(Pretrained):
    """Shape and start of the network; see `build_encoder_unet`."""

    title: ClassVar[str] = "U-Net on a published encoder"
    build = staticmethod(build_encoder_unet)
    name: Literal["encoder_unet"]
    width: Annotated[Whole, Field(ge=1, le=512)]

    @property
    def num_weights(self) -> int:
        """Those of the encoder and of the decoder's kernels."""
        encoder, channels = self.published, decoder_channels(self.width)
        below = [*channels[1:], encoder.channels[-1]]
        pairs = zip(encoder.channels, below, channels, strict=False)
        return encoder.num_weights + 9 * sum(after * (skip + before + after) for skip, before, after in pairs)

    @property
    def coarse_layers(self) -> tuple[str, ...]:
        """The levels of the way up but the first."""
        return tuple(f"up{level}b_relu" for level in range(1, len(decoder_channels(self.width))))

    def map_bytes(self, num_images: int, height: int, width: int) -> int:
        """Of the joined features at half of the size, of the encoder, or of 16 classes at the whole size."""
        joined = decoder_channels(self.width)[1] + self.published.channels[0]
        return 4 * num_images * height * width * max(joined // 4, self.published.map_values, 16)
