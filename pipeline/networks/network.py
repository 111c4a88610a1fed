"""The interface of the networks."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

from pipeline.param_types import Section


class Network(Section):
    """Base of the networks: the section `train.network` of params, and the sizes that follow from it.

    A network's file imports Keras inside `build` only, because params are read without Keras.

    Attributes:
        title: name of the architecture, for people.
        build: makes the `keras.Model` from images (N, H, W, 3) float32 in [0, 255] to logits (N, H, W, K) float32, in
            the arithmetic of Keras's global dtype policy. Its keyword arguments are the fields but `name`, and
            `num_classes` (K), `channel_mean` and `channel_std` (3 floats each, of red, green and blue in [0, 255]).
        name: its key in `NETWORKS`; a `Literal` in each network.
    """

    title: ClassVar[str]
    build: ClassVar[Callable[..., Any]]
    name: str

    @property
    @abstractmethod
    def num_weights(self) -> int:
        """About how many weights it has."""

    @property
    @abstractmethod
    def min_side_px(self) -> int:
        """Shortest side of an image that it can learn from."""

    @property
    def coarse_layers(self) -> tuple[str, ...]:
        """Names of its layers whose features are coarser than those of the logits, and know the context; or none."""
        return ()

    @abstractmethod
    def map_bytes(self, num_images: int, height: int, width: int) -> int:
        """Bytes of its largest feature map in float32, for a batch of images of this size in pixels."""

    def start(self, network: Any) -> None:
        """Gives a network that was built for a training the weights to start from; by default the random ones stay.

        Raises:
            ParamsError: there are none such as params ask for.
        """

    def __str__(self) -> str:
        own = self.model_dump(exclude={"name"}).items()
        return f"{self.name} ({', '.join(f'{name} {value}' for name, value in own)})"
