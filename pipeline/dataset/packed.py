"""Packed arrays: a split's images and masks at the working size, memory-mapped."""

import os
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline.errors import EvidenceError, StageError

PREPROCESS = Path("work/preprocess")


class Packed(NamedTuple):
    """The arrays of one split.

    Attributes:
        images: (N, H, W, 3) uint8 RGB.
        masks: (N, H, W) uint8 class ids.
    """

    images: np.ndarray
    masks: np.ndarray

    def __len__(self) -> int:
        return len(self.images)


def create_packed(folder: Path, split: str, num_images: int, size: tuple[int, int]) -> Packed:
    """Makes the files of a split, filled with zeros, and maps them for writing.

    Raises:
        StageError: the disk has no room for a file; that file is removed.
    """
    shape = (num_images, *size)
    masks = folder / f"{split}_masks.npy"
    return Packed(_create(folder / f"{split}_images.npy", (*shape, 3)), _create(masks, shape))


def _create(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """A mapped file with all its blocks on the disk: a write to a missing block of a full disk ends the process."""
    array = np.lib.format.open_memmap(path, "w+", np.uint8, shape)
    try:
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    except OSError as err:
        path.unlink()
        free = shutil.disk_usage(path.parent).free
        raise StageError(
            f"{path}: no space left on the disk: {array.nbytes / 1e6:,.0f} MB are needed, {free / 1e6:,.0f} MB are "
            "free; free some space, or lower preprocess.image_size, and run the same command again"
        ) from err
    return array


def read_packed(split: str, folder: Path = PREPROCESS) -> Packed:
    """Maps the arrays of a split for reading.

    Raises:
        EvidenceError: they are missing.
    """
    try:
        return Packed(*(np.load(folder / f"{split}_{side}.npy", mmap_mode="r") for side in ("images", "masks")))
    except FileNotFoundError as err:
        raise EvidenceError(f"{err.filename}: not found; run the stage `preprocess` first") from err
