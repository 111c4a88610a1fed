"""The census of a data set: classes by pixels, images and groups, sizes of images, and how small its objects are."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline.dataset.contract import DATA, ClassList, Sample, list_samples, read_class_list
from pipeline.disk.records import write_rows
from pipeline.errors import DataError
from pipeline.runtime.parallel import in_threads
from pipeline.runtime.progress import Progress
from pipeline.vision.codec import read_mask
from pipeline.vision.counting import count_ids
from pipeline.vision.regions import list_areas, width_of

NUM_LOOKED_AT = 200
"""Masks whose objects are measured, spread evenly over the names."""
NUM_SHOWN = 8
MIN_OBJECT_AREA_PX = 4
SMALL_SHARE = 0.25
"""Of the objects: that share is smaller than `Census.object_px`."""


@dataclass(frozen=True)
class ClassRow:
    """A class, or the ignored pixels: share of all pixels, and numbers of the images and groups that have it."""

    name: str
    pixel_share: float
    num_images: int
    num_groups: int


class _Object(NamedTuple):
    """A connected area of a class: its pixels, and the diameter of the largest circle in it."""

    class_id: int
    num_px: int
    width_px: float


@dataclass(frozen=True)
class Census:
    """What is known of a data set.

    Attributes:
        classes: rows in order of id, the ignored pixels last.
        size: (height, width), the median of each over the images, pixels.
        object_px: side of the smallest objects. Objects are the connected areas of all classes but the most frequent.
            A quarter of them has less area than a square of this side, or half of the classes are thinner: a class is
            as thin as the diameter of the largest circle in an object, where half of its pixels are in thinner ones.
            The median image's shorter side if there are no objects.
        samples: of the data set, with group and frozen split.
        shown: at most `NUM_SHOWN` of them that show each class, the rarest first, as far as there is room.
    """

    classes: tuple[ClassRow, ...]
    size: tuple[int, int]
    object_px: float
    samples: tuple[Sample, ...]
    shown: tuple[Sample, ...]

    @property
    def baseline(self) -> float:
        """Mean IoU of the most frequent class everywhere: its share of the counted pixels over the classes' number."""
        shares = self.shares
        return max(shares) / sum(shares) / len(shares) if shares else 0.0

    @property
    def shares(self) -> list[float]:
        """Of the pixels, by class, without classes that no mask holds."""
        return [row.pixel_share for row in self.classes[:-1] if row.num_images]

    @property
    def has_groups(self) -> bool:
        """Whether an image is in one group with another."""
        return len({sample.group for sample in self.samples}) < len(self.samples)

    def write_classes(self, path: Path) -> None:
        """Writes the rows of the classes as CSV."""
        write_rows(path, ClassRow, self.classes)


def take_census(data: Path = DATA) -> Census:
    """Reads every mask of a data folder.

    Raises:
        DataError: the folder breaks the data contract, or a mask cannot be read.
    """
    classes, samples = read_class_list(data), list_samples(data)
    labelled = [sample for sample in samples if sample.mask]
    masks = [sample.mask for sample in labelled if sample.mask]
    if not masks:
        raise DataError(f"{data}: has no masks; bring labelled images in with `segline import`")
    counts, sizes = _count(masks, len(classes))
    rows = _class_rows(classes, counts, [sample.group for sample in labelled])
    most = int(counts[:, : len(classes)].sum(0).argmax())
    looked_at = masks[:: -(-len(masks) // NUM_LOOKED_AT)]
    found = in_threads(lambda mask: list(_list_objects(read_mask(mask), most, len(classes))), looked_at)
    objects = [one for of_mask in found for one in of_mask]
    height, width = (int(side) for side in np.median(sizes, axis=0))
    return Census(
        classes=tuple(rows),
        size=(height, width),
        object_px=_side_of_smallest(objects) if objects else float(min(height, width)),
        samples=tuple(samples),
        shown=tuple(labelled[index] for index in _choose_shown(counts[:, : len(classes)])),
    )


def _count(masks: Sequence[Path], num_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of each class, then of all other ids, (N, K + 1); heights and widths (N, 2); both int64."""
    progress = Progress("census", len(masks), "masks")
    counts, sizes = np.zeros((len(masks), num_classes + 1), np.int64), np.zeros((len(masks), 2), np.int64)
    for index, (of_ids, size) in enumerate(in_threads(_read_counts, masks)):
        counts[index] = [*of_ids[:num_classes], of_ids[num_classes:].sum()]
        sizes[index] = size
        progress.advance()
    progress.close()
    return counts, sizes


def _read_counts(path: Path) -> tuple[np.ndarray, tuple[int, ...]]:
    mask = read_mask(path)
    return count_ids(mask), mask.shape


def _class_rows(classes: ClassList, counts: np.ndarray, groups: Sequence[str]) -> list[ClassRow]:
    total = counts.sum()
    return [
        ClassRow(
            name,
            float(of_class.sum() / total),
            int((of_class > 0).sum()),
            len({group for group, count in zip(groups, of_class, strict=True) if count}),
        )
        for name, of_class in zip((*classes.names, "(ignored)"), counts.T, strict=True)
    ]


def _choose_shown(counts: np.ndarray) -> list[int]:
    """Indices, in order, of the images with the most of each class, the class of the fewest images first."""
    of_class = np.argsort((counts > 0).sum(0), kind="stable")
    largest = [int(counts[:, id_].argmax()) for id_ in of_class if counts[:, id_].any()]
    evenly = np.linspace(0, len(counts) - 1, 2 * NUM_SHOWN).astype(int).tolist()
    return sorted(list(dict.fromkeys([*largest, *evenly]))[:NUM_SHOWN])


def _list_objects(mask: np.ndarray, most: int, num_classes: int) -> Iterator[_Object]:
    """The objects in a (H, W) uint8 mask."""
    for id_ in (int(id_) for id_ in np.unique(mask) if id_ != most and id_ < num_classes):
        for area in list_areas(mask == id_, MIN_OBJECT_AREA_PX):
            yield _Object(id_, int(np.count_nonzero(area.inside)), width_of(area.inside))


def _side_of_smallest(objects: Sequence[_Object]) -> float:
    """See `Census.object_px`."""
    widths = []
    for id_ in {one.class_id for one in objects}:
        of_class = sorted((one for one in objects if one.class_id == id_), key=lambda one: one.width_px)
        num_px = np.cumsum([one.num_px for one in of_class])
        widths.append(of_class[int(np.searchsorted(num_px, num_px[-1] / 2))].width_px)
    side = np.quantile([math.sqrt(one.num_px) for one in objects], SMALL_SHARE)
    return float(min(side, np.median(widths)))
