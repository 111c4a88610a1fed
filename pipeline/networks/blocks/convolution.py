"""A convolution with its normalisation, and rows of them."""

from typing import Any

import keras

from pipeline.networks.blocks.layers import BatchNorm, Convolution, ReLU6


def convolve(
    x: Any,
    num_channels: int,
    side_px: int | tuple[int, int],
    name: str,
    *,
    relu: bool = True,
    relu6: bool = False,
    **options: Any,
) -> Any:
    """Convolution, batch normalisation and, if `relu`, ReLU or, if `relu6`, ReLU6; `options` of `Conv2D`."""
    x = Convolution(
        *(num_channels, side_px),
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
        **options,
    )(x)
    x = BatchNorm(name=f"{name}_norm")(x)
    if not relu:
        return x
    return (ReLU6 if relu6 else keras.layers.ReLU)(name=f"{name}_relu")(x)


def convolve_times(x: Any, num: int, num_channels: int, name: str) -> Any:
    """A row of 3 x 3 convolutions."""
    for number in range(num):
        x = convolve(x, num_channels, 3, f"{name}_{number}")
    return x


def subsample(x: Any, stride: int, name: str) -> Any:
    """Each pixel of a grid of step `stride`; before a 1 x 1 convolution, in place of its stride.

    TensorFlow 2.21 with oneDNN ends the process by a memory fault in the gradient of some strided 1 x 1 convolutions,
    such as from 8 to 16 channels at 64 x 64.
    """
    return keras.layers.MaxPooling2D(1, strides=stride, padding="same", name=name)(x) if stride > 1 else x
