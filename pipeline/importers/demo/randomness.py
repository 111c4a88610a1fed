"""Randomness as a function of a key: the same numbers for the same key, on any machine and with any numpy."""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


class Chance:
    """Draws from the raw stream of the counter-based generator Philox (Salmon et al., 2011).

    Only the raw stream is promised to stay the same between versions of numpy, so everything here is made of it by
    operations that are exact.
    """

    def __init__(self, *key: str | int) -> None:
        digest = hashlib.sha256("/".join(map(str, key)).encode()).digest()
        self._generator = np.random.Philox(key=int.from_bytes(digest[:16]))

    def real(self, low: float, high: float) -> float:
        """A number in [low, high)."""
        return low + (high - low) * ((int(self._generator.random_raw()) >> 11) * 2.0**-53)

    def whole(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self._generator.random_raw()) % (high - low + 1)

    def happens(self, probability: float) -> bool:
        """True with the given probability."""
        return self.real(0.0, 1.0) < probability

    def one_of(self, choices: Sequence[T]) -> T:
        """One of the choices, each as likely as the others."""
        return choices[self.whole(0, len(choices) - 1)]

    def bytes_of(self, shape: tuple[int, ...]) -> np.ndarray:
        """Uniform uint8 of the given shape."""
        num_bytes = int(np.prod(shape))
        words = np.asarray(self._generator.random_raw(-(-num_bytes // 8)), dtype="<u8")
        return words.view(np.uint8)[:num_bytes].reshape(shape)
