"""A network of plain convolutions, for images of any size."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from pipeline.networks.network import Network
from pipeline.param_types import Whole

if TYPE_CHECKING:
    import keras


def build_flat(
    *, num_classes: int, width: int, channel_mean: Sequence[float], channel_std: Sequence[float]
) -> "keras.Model":
    """Builds the network: images (N, H, W, 3) in [0, 255] to logits (N, H, W, num_classes) float32."""
    import keras

    from pipeline.networks.blocks.layers import normalise

    images = keras.Input((None, None, 3), name="images", dtype="float32")
    x = normalise(images, channel_mean, channel_std)
    for dilation in (1, 2, 4):
        x = keras.layers.Conv2D(width, 3, padding="same", dilation_rate=dilation, activation="relu")(x)  # (N, H, W, F)
    logits = keras.layers.Conv2D(num_classes, 1, dtype="float32", name="logits")(x)  # (N, H, W, K)
    return keras.Model(images, logits, name="flat")


class Flat(Network):
    """Its section in params: `network: {name: flat, width: 8}`."""

    title: ClassVar[str] = "Dilated convolutions"
    build = staticmethod(build_flat)
    name: Literal["flat"]
    width: Annotated[Whole, Field(ge=1, le=256)]

    @property
    def num_weights(self) -> int:
        """Two 3 x 3 convolutions between equal numbers of channels, and the first."""
        return 9 * self.width * (2 * self.width + 3)

    @property
    def min_side_px(self) -> int:
        """It halves nothing."""
        return 1

    def map_bytes(self, num_images: int, height: int, width: int) -> int:
        """Every map has the image's size."""
        return 4 * num_images * height * width * self.width
