"""Scores of parts of a split: by group, by image size and by brightness."""

import math
from dataclasses import dataclass

import numpy as np

from pipeline.confusion import mean_iou
from pipeline.image_table import ImageTable

THIRDS = {"size": ("small", "medium", "large"), "brightness": ("dark", "medium", "bright")}


@dataclass(frozen=True)
class Slice:
    """A part of the split with its score.

    Attributes:
        kind: "group", "size" (pixels of the image) or "brightness" (mean luma in [0, 255]).
        name: of the group, or of the third: "small", "medium", "large"; "dark", "medium", "bright".
        num_images: in it.
        mean_iou: pixels pooled over its images; nan where none is counted.
        low: the smallest size or brightness in it; nan for a group.
        high: the largest.
    """

    kind: str
    name: str
    num_images: int
    mean_iou: float
    low: float
    high: float

    @property
    def key(self) -> str:
        """The name that `gate.min_slice_iou` knows it by, such as "brightness/dark"."""
        return f"{self.kind}/{self.name}"


def score_slices(table: ImageTable) -> tuple[Slice, ...]:
    """Scores of each group, and of the thirds of the images by size and by brightness.

    Where every group has one image only, its score is that image's, and no group is listed. Equal values are never
    parted, so a third can be empty; where all are equal, there are no thirds.

    Args:
        table: counts of each image.
    """
    groups = np.array(table.groups)
    names = sorted(set(table.groups)) if len(set(table.groups)) < len(groups) else []
    slices = [_score(table, "group", name, groups == name, None) for name in names]
    slices += _score_thirds(table, "size", table.heights * table.widths)
    slices += _score_thirds(table, "brightness", table.brightness)
    return tuple(slices)


def _score_thirds(table: ImageTable, kind: str, values: np.ndarray) -> list[Slice]:
    if len(np.unique(values)) < 2:
        return []
    first, second = np.quantile(values, [1 / 3, 2 / 3], method="lower")
    members = (values <= first, (values > first) & (values <= second), values > second)
    return [
        _score(table, kind, name, member, values)
        for name, member in zip(THIRDS[kind], members, strict=True)
        if member.any()
    ]


def _score(table: ImageTable, kind: str, name: str, member: np.ndarray, values: np.ndarray | None) -> Slice:
    within = [math.nan] if values is None else values[member]
    score = mean_iou(table.select(member).pooled())
    return Slice(kind, name, int(member.sum()), score, float(min(within)), float(max(within)))
