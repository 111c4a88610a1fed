"""Layers that networks share. Imports Keras, so a network's file imports this inside `build`."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

MOMENTUM = 0.95
EPSILON = 1e-3
FOLDABLE = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
"""Layers that may do what a normalisation after them does."""


def normalise(images: Any, channel_mean: Sequence[float], channel_std: Sequence[float]) -> Any:
    """Images (N, H, W, 3) float32 with mean 0 and standard deviation 1 of each channel over the training images."""
    scale = [1 / std for std in channel_std]
    offset = [-mean / std for mean, std in zip(channel_mean, channel_std, strict=True)]
    return keras.layers.Rescaling(scale, offset, dtype="float32", name="normalise")(images)


def double_convolution(x: Any, num_channels: int, name: str) -> Any:
    """Two times convolution 3 x 3, batch normalisation, ReLU; (N, H, W, C) to (N, H, W, num_channels)."""
    for part in "ab":
        x = Convolution(
            num_channels, 3, padding="same", use_bias=False, kernel_initializer="he_normal", name=f"{name}{part}"
        )(x)
        x = BatchNorm(name=f"{name}{part}_norm")(x)
        x = keras.layers.ReLU(name=f"{name}{part}_relu")(x)
    return x


@keras.saving.register_keras_serializable("segline")
class Convolution(keras.layers.Conv2D):  # type: ignore[misc]
    """Keras's convolution, (N, H, W, C) to (N, H', W', F), that may sum the gradient of its kernel in another way.

    Attributes:
        gradient_by_products: in a training on TensorFlow use `pipeline.backend.tf.convolve` where that can be done.
    """

    gradient_by_products = False

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Convolves; the result is Keras's own in any case."""
        is_plain = self.strides == self.dilation_rate == (1, 1) and self.padding == "same"
        if not (training and self.gradient_by_products and is_plain and self.compute_dtype == "float32"):
            return super().call(inputs)
        from pipeline.backend.tf import convolve

        y = convolve(inputs, self.kernel)
        y = ops.add(y, self.bias) if self.use_bias else y
        return self.activation(y)


def sum_by_products(network: keras.Model) -> None:
    """Sets `gradient_by_products` in all layers of a network for a training that begins."""
    for layer in network.layers:
        if isinstance(layer, Convolution):
            layer.gradient_by_products = True


@keras.saving.register_keras_serializable("segline")
class PadToMultiple(keras.layers.Layer):  # type: ignore[misc]
    """Pads (N, H, W, C) with zeros below and to the right until H and W are multiples of `multiple`."""

    def __init__(self, multiple: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.multiple = multiple

    def call(self, x: Any) -> Any:
        """Pads; the sizes may be unknown until the graph runs."""
        height, width = ops.shape(x)[1:3]
        return ops.pad(x, [[0, 0], [0, -height % self.multiple], [0, -width % self.multiple], [0, 0]])

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """(N, ceil H, ceil W, C), None where unknown."""
        sides = [side and math.ceil(side / self.multiple) * self.multiple for side in input_shape[1:3]]
        return (input_shape[0], *sides, input_shape[3])

    def get_config(self) -> dict[str, Any]:
        """The layer's settings."""
        return {**super().get_config(), "multiple": self.multiple}


@keras.saving.register_keras_serializable("segline")
class CropLike(keras.layers.Layer):  # type: ignore[misc]
    """Crops the first input (N, H', W', K) to height and width of the second (N, H, W, C)."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})

    def call(self, inputs: list[Any]) -> Any:
        """Removes the padding of `PadToMultiple`."""
        x, like = inputs
        known = tuple(like.shape[1:3])
        if None not in known and known == tuple(x.shape[1:3]):  # nothing to remove: a slice would copy
            return x
        height, width = ops.shape(like)[1:3]
        return x[:, :height, :width]

    def compute_output_shape(self, input_shape: list[tuple[int | None, ...]]) -> tuple[int | None, ...]:
        """(N, H, W, K)."""
        x, like = input_shape
        return (x[0], like[1], like[2], x[3])


@keras.saving.register_keras_serializable("segline")
class BatchNorm(keras.layers.Layer):  # type: ignore[misc]
    """Batch normalisation (Ioffe and Szegedy, 2015) over N, H and W.

    Keras's own layer consists of small operations; TensorFlow's fused one trains this network 1.3 times as fast.
    Variables and sums are float32 under every policy.
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Makes scale, shift and the moving averages."""
        shape = (input_shape[-1],)
        make = {"shape": shape, "dtype": "float32", "autocast": False}
        self.gamma = self.add_weight(name="gamma", initializer="ones", **make)
        self.beta = self.add_weight(name="beta", initializer="zeros", **make)
        self.moving_mean = self.add_weight(name="moving_mean", initializer="zeros", trainable=False, **make)
        self.moving_variance = self.add_weight(name="moving_variance", initializer="ones", trainable=False, **make)

    def call(self, x: Any, training: bool = False) -> Any:
        """Normalises (N, H, W, C) by the batch's moments in training, by the moving averages otherwise."""
        if not training:
            return _normalise(x, self.gamma, self.beta, (self.moving_mean, self.moving_variance))[0]
        y, mean, variance = _normalise(x, self.gamma, self.beta, None)
        self.moving_mean.assign(self.moving_mean * MOMENTUM + mean * (1 - MOMENTUM))
        self.moving_variance.assign(self.moving_variance * MOMENTUM + variance * (1 - MOMENTUM))
        return y

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The input's shape."""
        return input_shape


@keras.saving.register_keras_serializable("segline")
class ReLU6(keras.layers.Layer):  # type: ignore[misc]
    """min(max(x, 0), 6), of any shape.

    In a prediction as two operations: TensorFlow fuses a convolution with its own ReLU6 to one that takes oneDNN five
    times as long for a single image.
    """

    def call(self, x: Any, training: bool = False) -> Any:
        """Cuts off; the values are the same in both cases."""
        return ops.relu6(x) if training else ops.minimum(ops.relu(x), 6.0)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The input's shape."""
        return input_shape


def fold_norms(network: keras.Model) -> keras.Model:
    """The network for prediction in which convolutions do what the batch normalisations after them do.

    gamma * (conv(x) - mean) / sqrt(variance + epsilon) + beta is itself a convolution (Jacob et al., 2018, section
    3.2), whose kernel and bias are computed in float64. A normalisation stays if it follows anything but a `Conv2D` or
    `DepthwiseConv2D` in float32 that has no activation and whose output nothing else takes. bfloat16 would round the
    product otherwise than its factors.
    """
    norms = {norm.input._keras_history.operation.name: norm for norm in network.layers if _can_be_folded(norm)}
    folded_names = {norm.name for norm in norms.values()}

    def clone(layer: keras.layers.Layer) -> keras.layers.Layer:
        return layer.from_config(layer.get_config() | ({"use_bias": True} if layer.name in norms else {}))

    def call(layer: keras.layers.Layer, *inputs: Any, **options: Any) -> Any:
        return inputs[0] if layer.name in folded_names else layer(*inputs, **options)

    folded = keras.models.clone_model(network, clone_function=clone, call_function=call)
    for layer in (layer for layer in folded.layers if layer.variables):
        values = [variable.numpy() for variable in network.get_layer(layer.name).variables]
        if layer.name in norms:
            values = _fold(values, norms[layer.name])
        for variable, value in zip(layer.variables, values, strict=True):
            variable.assign(value)
    return folded


def _can_be_folded(layer: keras.layers.Layer) -> bool:
    if not isinstance(layer, BatchNorm) or len(layer._inbound_nodes) > 1:
        return False
    before = layer.input._keras_history.operation
    is_linear = isinstance(before, FOLDABLE) and before.activation is keras.activations.linear
    return is_linear and before.compute_dtype == "float32" and len(before._outbound_nodes) == 1


def _fold(values: list[Any], norm: BatchNorm) -> list[Any]:
    """Kernel and bias from a kernel, a bias (F,) if there is one, and the normalisation after them.

    The kernel is (h, w, C, F), or (h, w, F, 1) of a `DepthwiseConv2D`.
    """
    gamma, beta, mean, variance = (weight.astype("float64") for weight in norm.get_weights())
    factor = gamma / (variance + EPSILON) ** 0.5
    kernel, *biases = values
    is_depthwise = kernel.shape[2:] == (len(factor), 1)
    return [kernel * (factor[:, None] if is_depthwise else factor), beta + (sum(biases) - mean) * factor]


def _normalise(x: Any, gamma: Any, beta: Any, moments: tuple[Any, Any] | None) -> tuple[Any, Any, Any]:
    """x normalised by the given moments or, if None, by the batch's; and these moments."""
    if keras.backend.backend() == "tensorflow":
        from pipeline.backend.tf import fused_batch_norm

        return fused_batch_norm(x, gamma, beta, EPSILON, moments)
    wide = ops.cast(x, "float32")
    mean, variance = moments or ops.moments(wide, axes=(0, 1, 2))
    y = ops.batch_normalization(wide, mean, variance, -1, beta, gamma, EPSILON)
    return ops.cast(y, x.dtype), mean, variance
