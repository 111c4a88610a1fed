"""The few images of many that are shown, as small as they are drawn: each is read once, and the model asked once."""

from bisect import insort
from typing import NamedTuple

from pipeline.evaluation.overlays import Picture, shrink

Key = tuple[float, str]


class Entry(NamedTuple):
    """An image on the list.

    Attributes:
        key: its place, the smallest first, and its name.
        picture: shrunk to what is drawn.
    """

    key: Key
    picture: Picture

    @property
    def name(self) -> str:
        """Of the sample."""
        return self.key[1]


class Shortlist:
    """The first images by a key, gathered while all pass: memory grows neither with their number nor with their size.

    Attributes:
        num_kept: images that are kept at most.
        entries: those that are kept, the first one first.
    """

    def __init__(self, num_kept: int) -> None:
        self.num_kept = num_kept
        self.entries: list[Entry] = []

    def add(self, value: float, name: str, picture: Picture) -> None:
        """Offers an image.

        Args:
            value: the smaller, the earlier; of equals the first by name.
            name: of the sample.
            picture: at any size.
        """
        key = (value, name)
        if len(self.entries) < self.num_kept or (self.entries and key < self.entries[-1].key):
            insort(self.entries, Entry(key, shrink(picture)), key=lambda entry: entry.key)
            del self.entries[self.num_kept :]
