"""The fingerprint of the packed arrays: what training needs to know of them, and what names them."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from pipeline.dataset.contract import ClassList, parse_class_list
from pipeline.disk.files import read_json, write_json
from pipeline.disk.records import Count, Place, parse_record
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
        classes: names, colours and the ignore id.
        size: (height, width) of the packed images, pixels.
        num_images: number of images by split.
        channel_mean: (3) mean of the red, green and blue values of `train`, in [0, 255].
        channel_std: (3) their standard deviation.
        class_pixels: pixels of each class in the masks of `train`, by name, in order of id.
        arrays_md5: MD5 of each packed file, by file name.
    """

    classes: ClassList
    size: tuple[int, int]
    num_images: dict[str, int]
    channel_mean: tuple[float, ...]
    channel_std: tuple[float, ...]
    class_pixels: dict[str, int]
    arrays_md5: dict[str, str]

    def write(self, path: Path) -> None:
        """Writes the fingerprint as JSON."""
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
        content = read_json(path, MADE_BY)
        found = parse_record(content, _Content, path, MADE_BY)
        classes = parse_class_list(found.classes, path)
        if {*classes.names} != found.class_pixels.keys():
            raise EvidenceError(f"{path}: class_pixels are not of the classes; run {MADE_BY} again")
        class_pixels = {name: found.class_pixels[name] for name in classes.names}
        return cls(**vars(found) | {"classes": classes, "class_pixels": class_pixels})

    def check_size(self, image_size: tuple[int, int]) -> None:
        """Compares the packed size with that of the params.

        Raises:
            EvidenceError: they differ: the arrays were packed with other params.
        """
        if self.size != image_size:
            raise EvidenceError(
                f"{FINGERPRINT}: images are packed at {list(self.size)}, `preprocess.image_size` is "
                f"{list(image_size)}; run the stage `preprocess` again: dvc repro --force preprocess"
            )


@dataclass(frozen=True)
class _Content:
    """A fingerprint as the file has it."""

    classes: dict[str, Any]
    size: tuple[Place, Place]
    num_images: dict[str, Count]
    channel_mean: tuple[Level, Level, Level]
    channel_std: tuple[Spread, Spread, Spread]
    class_pixels: dict[str, Count]
    arrays_md5: dict[str, str]


class ChannelSums:
    """Exact sums over pixels, from which mean and standard deviation follow in constant memory."""

    def __init__(self) -> None:
        self.count = 0
        self.sums = [0, 0, 0]
        self.squares = [0, 0, 0]

    def add(self, image: np.ndarray) -> None:
        """Adds the pixels of an image (H, W, 3) uint8."""
        histograms = [np.bincount(image[:, :, channel].ravel(), minlength=256) for channel in range(3)]
        values = np.arange(256)
        self.count += image.shape[0] * image.shape[1]
        for channel, histogram in enumerate(histograms):
            self.sums[channel] += int(histogram @ values)
            self.squares[channel] += int(histogram @ values**2)

    def mean(self) -> tuple[float, ...]:
        """(3) mean of each channel."""
        return tuple(total / self.count for total in self.sums)

    def std(self) -> tuple[float, ...]:
        """(3) standard deviation of each channel, not below 1: a constant channel must not be divided by 0."""
        pairs = zip(self.sums, self.squares, strict=True)
        variances = (square * self.count - total * total for total, square in pairs)
        return tuple(max(1.0, variance**0.5 / self.count) for variance in variances)
