"""The fingerprint of the packed arrays: their sizes and statistics for training, and the MD5s that name them."""

from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field, PlainValidator

from pipeline.dataset.contract import ClassList, parse_class_list
from pipeline.disk.files import write_json
from pipeline.disk.records import Count, Place, read_record
from pipeline.errors import EvidenceError

MADE_BY = "the stage `preprocess`"
Level = Annotated[float, Field(ge=0, le=255)]
Spread = Annotated[float, Field(ge=1, le=255)]
"""A standard deviation that can be divided by, see `ChannelSums.std`."""
FINGERPRINT = Path("work/preprocess/fingerprint.json")


@dataclass(frozen=True)
class Fingerprint:
    """Sizes and statistics of the packed arrays.

    Attributes:
        size: (height, width) of the packed images, pixels.
        num_images: number of images by split.
        channel_mean: (3) mean of the red, green and blue values of `train`, in [0, 255].
        channel_std: (3) their standard deviation.
        class_pixels: pixels of each class in the masks of `train`, by name, in order of id.
        arrays_md5: MD5 of each packed file, by file name.
    """

    classes: Annotated[ClassList, PlainValidator(partial(parse_class_list, path=FINGERPRINT))]
    size: tuple[Place, Place]
    num_images: dict[str, Count]
    channel_mean: tuple[Level, Level, Level]
    channel_std: tuple[Spread, Spread, Spread]
    class_pixels: dict[str, Count]
    arrays_md5: dict[str, str]

    def write(self, path: Path) -> None:
        """Writes the fingerprint and the classes' shares of the pixels as JSON."""
        pixels = sum(self.class_pixels.values())
        shares = {name: round(count / max(pixels, 1), 6) for name, count in self.class_pixels.items()}
        write_json(path, asdict(self) | {"classes": self.classes.to_dict(), "class_shares": shares})

    @classmethod
    def read(cls, path: Path = FINGERPRINT) -> "Fingerprint":
        """Reads the fingerprint.

        Raises:
            EvidenceError: it is missing, not JSON, or not what the stage `preprocess` writes.
            DataError: its classes break the data contract.
        """
        fingerprint = read_record(path, cls, MADE_BY)
        names, pixels = fingerprint.classes.names, fingerprint.class_pixels
        if {*names} != pixels.keys():
            raise EvidenceError(f"{path}: class_pixels and classes have different names; run {MADE_BY} again")
        return replace(fingerprint, class_pixels={name: pixels[name] for name in names})

    def check_size(self, image_size: tuple[int, int]) -> None:
        """Compares the packed size with `preprocess.image_size`.

        Raises:
            EvidenceError: they differ.
        """
        if self.size != image_size:
            raise EvidenceError(
                f"{FINGERPRINT}: images are packed at {list(self.size)}, `preprocess.image_size` is "
                f"{list(image_size)}; run the stage `preprocess` again: dvc repro --force preprocess"
            )


class ChannelSums:
    """Exact sums over pixels, from which mean and standard deviation follow in constant memory."""

    def __init__(self) -> None:
        self.histograms = np.zeros((3, 256), np.int64)

    def add(self, image: np.ndarray) -> None:
        """Adds the pixels of an image (H, W, 3) uint8."""
        for channel in range(3):
            self.histograms[channel] += np.bincount(image[:, :, channel].ravel(), minlength=256)

    def mean(self) -> tuple[float, float, float]:
        """Mean of each channel."""
        red, green, blue = (total / count for count, total, _ in self._sums())
        return red, green, blue

    def std(self) -> tuple[float, float, float]:
        """Standard deviation of each channel, not below 1: a constant channel must not be divided by 0."""
        variances = ((count, square * count - total * total) for count, total, square in self._sums())
        red, green, blue = (max(1.0, variance**0.5 / count) for count, variance in variances)
        return red, green, blue

    def _sums(self) -> list[list[int]]:
        """Number, sum and sum of squares of the values of each channel."""
        sums: list[list[int]] = (self.histograms @ np.vander(np.arange(256), 3, increasing=True)).tolist()
        return sums
