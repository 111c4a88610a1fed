"""The few images of many that are shown, each with the mask that was predicted: the model is asked once an image."""

from bisect import insort
from typing import NamedTuple

import numpy as np

from pipeline.manifest import Row

Key = tuple[float, str]


class Entry(NamedTuple):
    """An image on the list.

    Attributes:
        key: its place, the smallest first.
        row: of the manifest.
        pred: (H, W) uint8 ids.
    """

    key: Key
    row: Row
    pred: np.ndarray


class Shortlist:
    """The first images by a key, gathered while all pass: memory does not grow with the number of images.

    Attributes:
        num_kept: images that are kept at most.
        entries: those that are kept, the first one first.
    """

    def __init__(self, num_kept: int) -> None:
        self.num_kept = num_kept
        self.entries: list[Entry] = []

    def add(self, value: float, row: Row, pred: np.ndarray) -> None:
        """Offers an image.

        Args:
            value: the smaller, the earlier; of equals the first by name.
            row: of the manifest.
            pred: (H, W) uint8 ids.
        """
        key = (value, row.name)
        if len(self.entries) < self.num_kept or (self.entries and key < self.entries[-1].key):
            insort(self.entries, Entry(key, row, pred), key=lambda entry: entry.key)
            del self.entries[self.num_kept :]
