"""Pooling that remembers where each maximum was, and its inverse (Badrinarayanan et al., 2017)."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("segline")
class PoolWithPlaces(keras.layers.Layer):  # type: ignore[misc]
    """Maxima of windows 2 x 2 of (N, H, W, C), H and W even, and which of the four each is; of equals the first."""

    def call(self, x: Any) -> tuple[Any, Any]:
        """Maxima (N, H / 2, W / 2, C), and their places (N, H / 2, W / 2, C, 4): 1 at the maximum, else 0."""
        num, height, width = ops.shape(x)[:3]
        windows = ops.reshape(x, (num, height // 2, 2, width // 2, 2, x.shape[-1]))
        windows = ops.reshape(
            ops.transpose(windows, (0, 1, 3, 5, 2, 4)), (num, height // 2, width // 2, x.shape[-1], 4)
        )
        places = ops.one_hot(ops.argmax(windows, axis=-1), 4, dtype=x.dtype)
        return ops.sum(windows * places, axis=-1), places

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[tuple[int | None, ...], ...]:
        """(N, H / 2, W / 2, C) and (N, H / 2, W / 2, C, 4), None where unknown."""
        num, height, width, channels = input_shape
        half = (num, height and height // 2, width and width // 2, channels)
        return half, (*half, 4)


@keras.saving.register_keras_serializable("segline")
class Unpool(keras.layers.Layer):  # type: ignore[misc]
    """Puts (N, H, W, C) at the places that `PoolWithPlaces` gave, zeros elsewhere: (N, 2H, 2W, C)."""

    def call(self, inputs: list[Any]) -> Any:
        """The inverse of the pooling."""
        x, places = inputs
        num, height, width = ops.shape(x)[:3]
        windows = ops.reshape(x[..., None] * places, (num, height, width, x.shape[-1], 2, 2))
        return ops.reshape(ops.transpose(windows, (0, 1, 4, 2, 5, 3)), (num, height * 2, width * 2, x.shape[-1]))

    def compute_output_shape(self, input_shape: list[tuple[int | None, ...]]) -> tuple[int | None, ...]:
        """(N, 2H, 2W, C), None where unknown."""
        num, height, width, channels = input_shape[0]
        return (num, height and height * 2, width and width * 2, channels)
