"""The FC-DenseNet of Jégou et al. (2017), "The One Hundred Layers Tiramisu", for images of any size."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from pipeline.networks.network import Network
from pipeline.param_types import Whole

if TYPE_CHECKING:
    import keras

FIRST_CHANNELS = 48


def build_fc_densenet(
    *,
    num_classes: int,
    num_layers: Sequence[int],
    growth: int,
    dropout: float,
    channel_mean: Sequence[float],
    channel_std: Sequence[float],
) -> "keras.Model":
    """Builds the network, see `Network.build` also for the other arguments; its variables are float32.

    Args:
        num_layers: of each dense block on the way down, and of the lowest one; a block before each halving.
        growth: channels that a layer adds.
        dropout: share of the values that training drops after each convolution.
    """
    import keras

    from pipeline.networks.blocks.layers import BatchNorm, Convolution, CropLike, PadToMultiple, normalise

    def layer(x: Any, num_channels: int, side_px: int, name: str) -> Any:
        x = keras.layers.ReLU(name=f"{name}_relu")(BatchNorm(name=f"{name}_norm")(x))
        x = Convolution(num_channels, side_px, padding="same", kernel_initializer="he_uniform", name=f"{name}_conv")(x)
        return keras.layers.Dropout(dropout, name=f"{name}_drop")(x)

    def block(x: Any, depth: int, name: str) -> Any:
        """The features that the layers add, (N, H, W, depth * growth)."""
        added = []
        for number in range(depth):
            added.append(layer(x, growth, 3, f"{name}_{number}"))
            if number < depth - 1:
                x = keras.layers.Concatenate(name=f"{name}_{number}_join")([x, added[-1]])
        return keras.layers.Concatenate(name=f"{name}_added")(added) if depth > 1 else added[0]

    *ways, lowest = num_layers
    images = keras.Input((None, None, 3), name="images", dtype="float32")
    x = PadToMultiple(2 ** len(ways), name="pad")(normalise(images, channel_mean, channel_std))
    x = keras.layers.Conv2D(FIRST_CHANNELS, 3, padding="same", kernel_initializer="he_uniform", name="first")(x)
    skips = []
    for level, depth in enumerate(ways):
        x = keras.layers.Concatenate(name=f"down{level}")([x, block(x, depth, f"down{level}")])
        skips.append(x)
        x = layer(x, x.shape[-1], 1, f"down{level}_shrink")
        x = keras.layers.MaxPooling2D(name=f"pool{level}")(x)
    x = block(x, lowest, "lowest")
    for level, depth in reversed(list(enumerate(ways))):
        up = keras.layers.Conv2DTranspose(
            x.shape[-1], 3, strides=2, padding="same", kernel_initializer="he_uniform", name=f"up{level}_grow"
        )(x)
        joined = keras.layers.Concatenate(name=f"up{level}_join")([up, skips[level]])
        x = block(joined, depth, f"up{level}")
    x = keras.layers.Concatenate(name="last")([joined, x])
    x = keras.layers.Conv2D(num_classes, 1, dtype="float32", name="classify")(x)
    return keras.Model(images, CropLike(name="logits")([x, images]), name="fc_densenet")


class FCDenseNet(Network):
    """Shape of the FC-DenseNet; see `build_fc_densenet`."""

    title: ClassVar[str] = "FC-DenseNet"
    build = staticmethod(build_fc_densenet)
    name: Literal["fc_densenet"]
    num_layers: Annotated[tuple[Annotated[Whole, Field(ge=1, le=32)], ...], Field(min_length=2, max_length=8)]
    growth: Annotated[Whole, Field(ge=1, le=128)]
    dropout: Annotated[float, Field(ge=0, le=0.9)]

    def _blocks(self) -> Iterator[tuple[int, int, int]]:
        """Of each block in order: times that the size is halved, channels before it, and number of layers."""
        *ways, lowest = self.num_layers
        channels, skips = FIRST_CHANNELS, []
        for level, depth in enumerate(ways):
            yield level, channels, depth
            channels += depth * self.growth
            skips.append(channels)
        yield len(ways), channels, lowest
        up = lowest * self.growth
        for level, depth in reversed(list(enumerate(ways))):
            yield level, up + skips[level], depth
            up = depth * self.growth

    @property
    def num_weights(self) -> int:
        """Those of the 3 x 3 convolutions, of the way down's 1 x 1 ones, and of the transposed ones."""
        layers = sum(
            9 * self.growth * (depth * channels + self.growth * depth * (depth - 1) // 2)
            for _, channels, depth in self._blocks()
        )
        shrinking = sum(channels**2 for _, channels, _ in list(self._blocks())[1 : len(self.num_layers)])
        growing = sum(9 * (depth * self.growth) ** 2 for depth in self.num_layers[1:])
        return layers + shrinking + growing

    @property
    def coarse_layers(self) -> tuple[str, ...]:
        """The lowest block, and those of the way up but the first."""
        *ways, lowest = self.num_layers
        depths = {"lowest": lowest} | {f"up{level}": depth for level, depth in enumerate(ways) if level}
        return tuple(f"{name}_added" if depth > 1 else f"{name}_0_drop" for name, depth in depths.items())

    @property
    def min_side_px(self) -> int:
        """One pixel at the lowest level."""
        return 1 << (len(self.num_layers) - 1)

    def map_bytes(self, num_images: int, height: int, width: int) -> int:
        """Of the last block with all that it adds, or of another one at a smaller size."""
        sizes = ((channels + depth * self.growth) / 4**level for level, channels, depth in self._blocks())
        return int(4 * num_images * height * width * max(sizes))
