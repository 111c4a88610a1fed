"""The interface of the encoders."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

MAX_STRIDE = 32
NO_WEIGHTS, IMAGENET = "none", "imagenet"
"""Values of `encoder_weights` that name no file."""


@dataclass(frozen=True)
class Encoder(ABC):
    """A published network without its classifier.

    Attributes:
        channels: of its features at 1/2, 1/4, 1/8, 1/16 and 1/32 of the size.
        num_weights: of all its layers.
        map_values: numbers in its largest feature map, for each pixel of the image.
    """

    channels: tuple[int, ...]
    num_weights: int
    map_values: int

    @property
    @abstractmethod
    def expected(self) -> str:
        """What a file of weights must hold, in words."""

    @abstractmethod
    def encode(self, images: Any) -> list[Any]:
        """The features, with random weights.

        Args:
            images: (N, H, W, 3) float32 in [0, 255], H and W multiples of `MAX_STRIDE`.

        Returns:
            (N, H / s, W / s, C) for s = 2, 4, 8, 16 and 32.
        """

    @abstractmethod
    def load(self, network: Any, weights: str) -> None:
        """Puts published weights into the layers of `network`, a `keras.Model`, that `encode` made.

        Args:
            network: the network, on this encoder.
            weights: `IMAGENET` or a file.

        Raises:
            OSError: the weights cannot be had or read.
            ValueError: they are of another network.
        """
