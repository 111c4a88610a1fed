"""Random numbers as a function of a key: the same on any machine and with any version of numpy."""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


class RandomStream:
    """A stream of the counter-based generator Philox (Salmon et al., 2011).

    numpy guarantees the raw stream alone between its versions. All draws are made of it by exact operations.
    """

    def __init__(self, *key: str | int) -> None:
        digest = hashlib.sha256("/".join(map(str, key)).encode()).digest()
        self._generator = np.random.Philox(key=int.from_bytes(digest[:16]))

    def uniform(self, low: float, high: float) -> float:
        """A number in [low, high)."""
        return low + (high - low) * ((int(self._generator.random_raw()) >> 11) * 2.0**-53)

    def integer(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self._generator.random_raw()) % (high - low + 1)

    def happens(self, probability: float) -> bool:
        """True with the given probability."""
        return self.uniform(0.0, 1.0) < probability

    def choice(self, choices: Sequence[T]) -> T:
        """One of the choices, each as likely as the others."""
        return choices[self.integer(0, len(choices) - 1)]

    def bytes(self, shape: tuple[int, ...]) -> np.ndarray:
        """Uniform uint8 of the given shape."""
        num_bytes = int(np.prod(shape))
        words = np.asarray(self._generator.random_raw(-(-num_bytes // 8)), dtype="<u8")
        return words.view(np.uint8)[:num_bytes].reshape(shape)
