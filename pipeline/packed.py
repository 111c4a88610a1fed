"""Packed arrays: a split's images and masks at the working size, memory-mapped."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline.errors import EvidenceError

PREPROCESS = Path("work/preprocess")


class Packed(NamedTuple):
    """One split.

    Attributes:
        images: (N, H, W, 3) uint8 RGB.
        masks: (N, H, W) uint8 class ids.
    """

    images: np.ndarray
    masks: np.ndarray

    def __len__(self) -> int:
        return len(self.images)


def create_packed(folder: Path, split: str, num_images: int, size: tuple[int, int]) -> Packed:
    """Makes the files of a split, filled with zeros, and maps them for writing."""
    shape = (num_images, *size)
    images = np.lib.format.open_memmap(folder / f"{split}_images.npy", "w+", np.uint8, (*shape, 3))
    masks = np.lib.format.open_memmap(folder / f"{split}_masks.npy", "w+", np.uint8, shape)
    return Packed(images, masks)


def read_packed(split: str, folder: Path = PREPROCESS) -> Packed:
    """Maps the arrays of a split for reading.

    Raises:
        EvidenceError: they are missing.
    """
    try:
        return Packed(*(np.load(folder / f"{split}_{side}.npy", mmap_mode="r") for side in ("images", "masks")))
    except FileNotFoundError as err:
        raise EvidenceError(f"{err.filename}: not found; run the stage `preprocess` first") from err
