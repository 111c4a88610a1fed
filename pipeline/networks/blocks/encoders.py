"""Networks of `keras.applications` as encoders: their features at five sizes, and the weights that they start from."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAX_STRIDE = 32
SHAPE = (224, 224, 3)
"""Of the images that the published weights were made with; on others MobileNetV2 warns."""
NO_WEIGHTS, IMAGENET = "none", "imagenet"
"""Values of `encoder_weights` that name no file."""


@dataclass(frozen=True)
class Encoder:
    """A network of `keras.applications`, without its classifier.

    Attributes:
        maker: its function there.
        module: the module there that holds `preprocess_input`, which its published weights expect.
        taps: the layers whose outputs have 1/2, 1/4, 1/8, 1/16 and 1/32 of the size.
        channels: of these outputs.
        num_weights: of all layers.
    """

    maker: str
    module: str
    taps: tuple[str, ...]
    channels: tuple[int, ...]
    num_weights: int


ENCODERS: Mapping[str, Encoder] = {
    "vgg16": Encoder(
        *("VGG16", "vgg16", tuple(f"block{level}_pool" for level in range(1, 6))),
        *((64, 128, 256, 512, 512), 14_714_688),
    ),
    "resnet50": Encoder(
        *("ResNet50", "resnet"),
        ("conv1_relu", "conv2_block3_out", "conv3_block4_out", "conv4_block6_out", "conv5_block3_out"),
        *((64, 256, 512, 1024, 2048), 23_587_712),
    ),
    "densenet121": Encoder(
        *("DenseNet121", "densenet", ("conv1_relu", "pool2_relu", "pool3_relu", "pool4_relu", "relu")),
        *((64, 256, 512, 1024, 1024), 7_037_504),
    ),
    "mobilenet_v2": Encoder(
        *("MobileNetV2", "mobilenet_v2"),
        (*(f"block_{block}_expand_relu" for block in (1, 3, 6, 13)), "out_relu"),
        *((96, 144, 192, 576, 1280), 2_257_984),
    ),
}
"""Those of which a test shows that they learn and export. EfficientNet is none: its layers depend on its weights."""


def encode(images: Any, name: str) -> list[Any]:
    """The features of an encoder with random weights.

    Args:
        images: (N, H, W, 3) float32 in [0, 255], H and W multiples of `MAX_STRIDE`.
        name: its key in `ENCODERS`.

    Returns:
        (N, H / s, W / s, C) for s = 2, 4, 8, 16 and 32.
    """
    import keras

    from pipeline.networks.blocks.layers import MOMENTUM

    encoder = ENCODERS[name]
    pixels = getattr(keras.applications, encoder.module).preprocess_input(images)
    whole = _make(encoder, input_tensor=pixels)
    for layer in whole.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = (
                MOMENTUM  # theirs is made for a million steps, after fewer the averages are those of no one
            )
    return [whole.get_layer(tap).output for tap in encoder.taps]


def load_encoder(network: Any, name: str, weights: str) -> None:
    """Puts published weights into the layers of `network` that `encode` made.

    Args:
        network: the `keras.Model`.
        name: the encoder's key in `ENCODERS`.
        weights: `IMAGENET`, which Keras fetches and checks by its own hash, or a file of such a network's weights.

    Raises:
        OSError: the weights cannot be fetched or read.
        ValueError: the file is of another network.
    """
    encoder = ENCODERS[name]
    if weights == IMAGENET:
        try:
            source = _make(encoder, weights=IMAGENET, input_shape=SHAPE)
        except Exception as err:
            if type(err) is not Exception:
                raise
            raise OSError(f"cannot be fetched: {err}") from err  # so says Keras that an address does not answer
    else:
        source = _make(encoder, input_shape=SHAPE)
        with warnings.catch_warnings(action="error", category=UserWarning):  # Keras only warns of what a file lacks
            try:
                source.load_weights(weights)
            except UserWarning as err:
                raise ValueError(err) from err
    for layer in source.layers:
        if layer.weights:
            network.get_layer(layer.name).set_weights(layer.get_weights())


def _make(encoder: Encoder, weights: str | None = None, **options: Any) -> Any:
    import keras

    return getattr(keras.applications, encoder.maker)(include_top=False, weights=weights, **options)
