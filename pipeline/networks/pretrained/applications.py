"""Networks of `keras.applications` as encoders."""

import warnings
from dataclasses import dataclass
from typing import Any

from pipeline.networks.pretrained.encoder import IMAGENET, Encoder

SHAPE = (224, 224, 3)
"""Of the images that the published weights were made with; on others MobileNetV2 warns."""


@dataclass(frozen=True)
class Application(Encoder):
    """See `Encoder`.

    Attributes:
        maker: its function in `keras.applications`.
        module: the module there that holds `preprocess_input`, which its published weights expect.
        taps: the layers whose outputs are the features.
    """

    maker: str
    module: str
    taps: tuple[str, ...]

    @property
    def expected(self) -> str:
        """What a file of weights must hold, in words."""
        return f"weights of keras.applications' {self.maker} without its top"

    def encode(self, images: Any) -> list[Any]:
        """See `Encoder.encode`."""
        import keras

        from pipeline.networks.blocks.layers import MOMENTUM

        pixels = getattr(keras.applications, self.module).preprocess_input(images)
        whole = self._make(input_tensor=pixels)
        for layer in whole.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.momentum = (
                    MOMENTUM  # theirs is made for a million steps, after fewer the averages are those of no one
                )
        return [whole.get_layer(tap).output for tap in self.taps]

    def load(self, network: Any, weights: str) -> None:
        """See `Encoder.load`; Keras fetches ImageNet's weights and checks them by its own hash."""
        if weights == IMAGENET:
            try:
                source = self._make(weights=IMAGENET, input_shape=SHAPE)
            except Exception as err:
                if type(err) is not Exception:
                    raise
                # so says Keras that an address does not answer
                raise OSError(f"cannot be fetched: {err}; the encoder efficientnet_lite0 needs no internet") from err
        else:
            source = self._make(input_shape=SHAPE)
            with warnings.catch_warnings(action="error", category=UserWarning):  # Keras only warns of what a file lacks
                try:
                    source.load_weights(weights)
                except UserWarning as err:
                    raise ValueError(err) from err
        for layer in source.layers:
            if layer.weights:
                network.get_layer(layer.name).set_weights(layer.get_weights())

    def _make(self, weights: str | None = None, **options: Any) -> Any:
        import keras

        return getattr(keras.applications, self.maker)(include_top=False, weights=weights, **options)
