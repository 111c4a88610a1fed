"""A U-Net whose way down is a published network, which may start from published weights; for images of any size."""

from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from pipeline.disk.files import md5_of
from pipeline.errors import ParamsError
from pipeline.networks.blocks.encoders import ENCODERS, IMAGENET, MAX_STRIDE, NO_WEIGHTS, encode, load_encoder
from pipeline.networks.network import Network
from pipeline.param_types import Whole

if TYPE_CHECKING:
    import keras

WHERE = "params.yaml: `train.network.encoder_weights`"
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

    The encoder normalises as its published weights expect, so the training images' mean and deviation are not used.

    Args:
        encoder: key in `ENCODERS`.
        encoder_weights: read by `EncoderUNet.start`, not here.
        encoder_weights_md5: likewise.
        width: channels of the decoder's last level, at half of the size; each level below has twice as many, up to
            `MAX_LEVEL_CHANNELS` times.
        dropout: share of the last level's channels that training drops.
    """
    import keras

    from pipeline.networks.blocks.layers import CropLike, PadToMultiple, double_convolution
    from pipeline.networks.blocks.resizing import ResizeLike

    images = keras.Input((None, None, 3), name="images", dtype="float32")
    padded = PadToMultiple(MAX_STRIDE, name="pad")(images)  # black, as beyond the edge in augmentation
    *skips, x = encode(padded, encoder)
    for level, num_channels in reversed(list(enumerate(decoder_channels(width)))):
        grown = ResizeLike(name=f"up{level}_grow")([x, skips[level]])
        x = keras.layers.Concatenate(name=f"up{level}_join")([skips[level], grown])
        x = double_convolution(x, num_channels, f"up{level}")
    x = keras.layers.SpatialDropout2D(dropout, name="dropout")(x)
    x = keras.layers.Conv2D(num_classes, 1, dtype="float32", name="classify")(x)  # (N, ceil H / 2, ceil W / 2, K)
    x = ResizeLike(dtype="float32", name="grow")([x, padded])
    return keras.Model(images, CropLike(name="logits")([x, images]), name="encoder_unet")


def decoder_channels(width: int) -> list[int]:
    """Of the levels at 1/2, 1/4, 1/8 and 1/16 of the size."""
    return [width * min(1 << level, MAX_LEVEL_CHANNELS) for level in range(4)]


class EncoderUNet(Network):
    """Shape and start of the network; see `build_encoder_unet`."""

    title: ClassVar[str] = "U-Net on a published encoder"
    build = staticmethod(build_encoder_unet)
    name: Literal["encoder_unet"]
    encoder: Literal["vgg16", "resnet50", "densenet121", "mobilenet_v2"]
    encoder_weights: Annotated[str, Field(min_length=1, max_length=4096)]
    encoder_weights_md5: Annotated[str, Field(pattern=r"^([0-9a-f]{32})?$")]
    width: Annotated[Whole, Field(ge=1, le=512)]
    dropout: Annotated[float, Field(ge=0, le=0.9)]

    @model_validator(mode="after")
    def _a_file_is_known_by_its_content(self) -> "EncoderUNet":
        is_file = self.encoder_weights not in (NO_WEIGHTS, IMAGENET)
        file = PurePath(self.encoder_weights)
        if file.is_absolute() or ".." in file.parts:
            raise ValueError(
                f"encoder_weights is {self.encoder_weights}, expected a file of the project; copy it there, so that "
                "DVC can keep it with the model"
            )
        if is_file and not self.encoder_weights_md5:
            raise ValueError(
                f"encoder_weights is the file {self.encoder_weights}, and encoder_weights_md5 is empty; give the MD5 "
                f"of the file (md5sum {self.encoder_weights}), so that the params say what a model came from, or "
                f"choose {NO_WEIGHTS} or {IMAGENET}"
            )
        if not is_file and self.encoder_weights_md5:
            raise ValueError(f"encoder_weights is {self.encoder_weights}, so encoder_weights_md5 must be ''")
        return self

    def start(self, network: Any) -> None:
        """Loads the encoder's weights.

        Raises:
            ParamsError: they cannot be had, or are other ones than the params say.
        """
        if self.encoder_weights == NO_WEIGHTS:
            return
        if self.encoder_weights != IMAGENET:
            self._check_file(Path(self.encoder_weights))
        try:
            load_encoder(network, self.encoder, self.encoder_weights)
        except (OSError, ValueError) as err:
            advice = (
                "copy a file of them here and name it"
                if self.encoder_weights == IMAGENET
                else f"expected weights of keras.applications' {ENCODERS[self.encoder].maker} without its top"
            )
            raise ParamsError(f"{WHERE} {self.encoder_weights}: {err}; {advice}") from err

    def _check_file(self, file: Path) -> None:
        try:
            found = md5_of(file)
        except OSError as err:
            raise ParamsError(f"{WHERE} {file}: {err.strerror}; bring the file, `dvc pull` if DVC has it") from err
        if found != self.encoder_weights_md5:
            raise ParamsError(
                f"{WHERE} {file}: its MD5 is {found}, `encoder_weights_md5` says {self.encoder_weights_md5}; "
                "bring the file that is meant, or correct the MD5"
            )

    @property
    def num_weights(self) -> int:
        """Those of the encoder and of the decoder's kernels."""
        encoder, channels = ENCODERS[self.encoder], decoder_channels(self.width)
        below = [*channels[1:], encoder.channels[-1]]
        pairs = zip(encoder.channels, below, channels, strict=False)
        return encoder.num_weights + 9 * sum(after * (skip + before + after) for skip, before, after in pairs)

    @property
    def min_side_px(self) -> int:
        """One pixel of the smallest features."""
        return MAX_STRIDE

    def map_bytes(self, num_images: int, height: int, width: int) -> int:
        """Of the joined features at half of the size, or of 16 classes at the whole size."""
        channels = decoder_channels(self.width)[1] + ENCODERS[self.encoder].channels[0]
        return 4 * num_images * height * width * max(channels // 4, 16)
