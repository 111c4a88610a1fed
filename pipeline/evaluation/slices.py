"""Scores of parts of a split: by group, by image size and by brightness."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipeline.dataset.names import THIRDS
from pipeline.disk.records import Count, Measure
from pipeline.evaluation.bootstrap import Interval
from pipeline.evaluation.image_table import ImageTable

Kind = Literal["group", "size", "brightness"]
KINDS: tuple[Kind, ...] = ("size", "brightness")  # with thirds


@dataclass(frozen=True)
class Slice:
    """A part of the split with its score.

    Attributes:
        kind: "group", "size" (pixels of the image) or "brightness" (mean luma in [0, 255]).
        name: of the group, or of the third: "small", "medium", "large"; "dark", "medium", "bright".
        num_images: in it, with a counted pixel.
        mean_iou: pixels pooled over its images; nan if no pixel is counted.
        low: the smallest size or brightness in it; nan for a group.
        high: the largest.
        interval: of its mean IoU.
    """

    kind: Kind
    name: str
    num_images: Count
    mean_iou: Measure
    low: Measure
    high: Measure
    interval: Interval

    @property
    def key(self) -> str:
        """Such as "brightness/dark"; in the gate's names it follows "mean_iou/"."""
        return f"{self.kind}/{self.name}"


def score_slices(table: ImageTable, interval_of: Callable[[ImageTable], Interval]) -> tuple[Slice, ...]:
    """Scores of each group, and of the thirds of the images by size and by brightness.

    If every group has one image only, no group is listed. Equal values are never parted: a third ends at the nearest
    boundary between two values. If both boundaries are the same, there are two parts, the first and the last. If all
    values are equal, there are none. An image without a counted pixel is in no slice; a group of such images has no
    score. `interval_of` gives the mean IoU of some images with its interval, see `bootstrap.mean_iou_interval`.
    """
    counted = table.counted()
    groups = np.array(counted.groups, object)
    names = sorted(set(table.groups)) if len(set(counted.groups)) < len(groups) else []
    slices = [_score(counted.select(groups == name), "group", name, None, interval_of) for name in names]
    for kind, name, member in list_thirds(counted):
        slices.append(_score(counted.select(member), kind, name, _values(counted, kind)[member], interval_of))
    return tuple(slices)


def list_thirds(table: ImageTable) -> list[tuple[Kind, str, np.ndarray]]:
    """Kind, name and images, (N,) bool, of each third by size and by brightness; see `score_slices`."""
    thirds = [(kind, _thirds(_values(table, kind))) for kind in KINDS]
    parts = [(kind, name, part_of == part) for kind, part_of in thirds for part, name in enumerate(THIRDS[kind])]
    return [part for part in parts if part[2].any() and not part[2].all()]


def _values(table: ImageTable, kind: Kind) -> np.ndarray:
    return table.heights * table.widths if kind == "size" else table.brightness


def _thirds(values: np.ndarray) -> np.ndarray:
    """(N,) 0, 1 or 2 for each value; all 0 if all are equal."""
    distinct, index, counts = np.unique(values, return_inverse=True, return_counts=True)
    if len(distinct) < 2:
        return np.zeros(len(values), np.int64)
    below = np.cumsum(counts)[:-1]  # images up to each boundary
    first, second = (int(np.abs(3 * below - share * len(values)).argmin()) for share in (1, 2))
    return np.searchsorted([first, second], index)


def _score(
    part: ImageTable, kind: Kind, name: str, values: np.ndarray | None, interval_of: Callable[[ImageTable], Interval]
) -> Slice:
    low, high = (math.nan, math.nan) if values is None else (float(values.min()), float(values.max()))
    interval = interval_of(part)
    return Slice(kind, name, len(part), interval.estimate, low, high, interval)
