"""Resizing and pooling to sizes that the graph knows when it runs, by matrices, so that bits are equal each time."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from pipeline.networks.blocks.layers import CropLike


def bilinear_matrix(num_out: Any, num_in: Any) -> Any:
    """(num_out, num_in) float32: bilinear interpolation along one axis, pixel centres at 0.5, border values go on."""
    places = (_range(num_out) + 0.5) * (ops.cast(num_in, "float32") / ops.cast(num_out, "float32")) - 0.5
    places = ops.minimum(ops.maximum(places, 0.0), ops.cast(num_in, "float32") - 1)
    return ops.maximum(1 - ops.abs(places[:, None] - _range(num_in)), 0.0)


def average_matrix(num_out: int, num_in: Any) -> Any:
    """(num_out, num_in) float32: means of num_out windows that cover one axis; they overlap by a pixel at most."""
    places, size = _range(num_in), ops.cast(num_in, "float32")
    first = ops.floor(_range(num_out) * size / num_out)[:, None]
    end = ops.ceil((_range(num_out) + 1) * size / num_out)[:, None]
    inside = ops.cast(ops.logical_and(places >= first, places < end), "float32")
    return inside / (end - first)


def _range(num: Any) -> Any:
    return ops.arange(num, dtype="float32")


def _apply(x: Any, rows: Any, columns: Any) -> Any:
    """(N, H, W, C) to (N, H', W', C) by matrices (H', H) and (W', W)."""
    num, height, _, num_channels = ops.shape(x)
    x = ops.matmul(ops.cast(columns, x.dtype), x)  # einsum would transpose, and takes 3 times as long
    x = ops.matmul(ops.cast(rows, x.dtype), ops.reshape(x, (num, height, -1)))
    return ops.reshape(x, (num, ops.shape(rows)[0], ops.shape(columns)[0], num_channels))


@keras.saving.register_keras_serializable("segline")
class ResizeLike(keras.layers.Layer):  # type: ignore[misc]
    """Resizes the first input (N, H', W', K) bilinearly to height and width of the second (N, H, W, C)."""

    def call(self, inputs: list[Any]) -> Any:
        """Resizes; the sizes may be unknown until the graph runs."""
        x, like = inputs
        sizes = zip(ops.shape(like)[1:3], ops.shape(x)[1:3], strict=True)
        return _apply(x, *(bilinear_matrix(num_out, num_in) for num_out, num_in in sizes))

    def compute_output_shape(self, input_shape: list[tuple[int | None, ...]]) -> tuple[int | None, ...]:
        """(N, H, W, K)."""
        x, like = input_shape
        return (x[0], like[1], like[2], x[3])


@keras.saving.register_keras_serializable("segline")
class AverageTo(keras.layers.Layer):  # type: ignore[misc]
    """Means of (N, H, W, C) over a grid of windows, (N, num, num, C), as adaptive average pooling gives them."""

    def __init__(self, num: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num = num

    def call(self, x: Any) -> Any:
        """Pools; the sizes may be unknown until the graph runs."""
        return _apply(x, *(average_matrix(self.num, side) for side in ops.shape(x)[1:3]))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """(N, num, num, C)."""
        return (input_shape[0], self.num, self.num, input_shape[3])

    def get_config(self) -> dict[str, Any]:
        """The layer's settings."""
        return {**super().get_config(), "num": self.num}


def pyramid(x: Any, sides: Sequence[int], num_channels: int, name: str) -> Any:
    """Context at several scales (Zhao et al., 2017): of each grid its means, by a 1 x 1 convolution and resized to x.

    Args:
        x: (N, H, W, C).
        sides: windows along each axis, one number a grid.
        num_channels: that each grid adds.

    Returns:
        (N, H, W, C + len(sides) * num_channels).
    """
    from pipeline.networks.blocks.convolution import convolve

    added = [x]
    for number, side in enumerate(sides):
        means = convolve(AverageTo(side, name=f"{name}{number}_mean")(x), num_channels, 1, f"{name}{number}")
        added.append(ResizeLike(name=f"{name}{number}_grow")([means, x]))
    return keras.layers.Concatenate(name=f"{name}_join")(added)


def classify(x: Any, padded: Any, images: Any, num_classes: int, dropout: float) -> Any:
    """Logits of each pixel of the images.

    Args:
        x: features (N, H', W', C).
        padded: what the features were made of, to whose size the logits are resized.
        images: (N, H, W, 3), to whose size the logits are cut.
        num_classes: number K of classes.
        dropout: share of the channels of `x` that training drops.

    Returns:
        (N, H, W, K) float32.
    """
    x = keras.layers.SpatialDropout2D(dropout, name="dropout")(x)
    x = keras.layers.Conv2D(num_classes, 1, dtype="float32", name="classify")(x)
    x = ResizeLike(dtype="float32", name="grow")([x, padded])
    return CropLike(name="logits")([x, images])
