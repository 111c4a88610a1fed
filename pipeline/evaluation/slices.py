"""Scores of parts of a split, and how they change from model to model: by group, by image size and by brightness."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from pipeline.dataset.names import THIRDS
from pipeline.disk.records import Count, Measure
from pipeline.evaluation.bootstrap import Interval, has_class, unit_sums
from pipeline.evaluation.image_table import ImageTable
from pipeline.vision.confusion import share

Kind = Literal["group", "size", "brightness"]
KINDS: tuple[Kind, ...] = ("size", "brightness")  # with thirds
WORST_SHARE = 0.05
"""Of the groups. Up to 20 groups it is the worst one; the worst of more groups would get worse by chance alone."""


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


class WorstGroups(NamedTuple):
    """The twentieth of the groups that lose most, one at least.

    Attributes:
        change: mean over them, challenger minus champion, of a group's mean IoU; nan without groups.
        names: worst first.
    """

    change: float
    names: tuple[str, ...]


def worst_groups(changes: Mapping[str, float]) -> WorstGroups:
    """The worst groups by their changes; the last counts in part, so that a new group moves the mean by little.

    It is the expected shortfall at `WORST_SHARE` (Acerbi and Tasche, 2002).
    """
    ranked = sorted(changes.items(), key=lambda one: one[1])
    number = max(1.0, WORST_SHARE * len(ranked))
    weights = np.clip(number - np.arange(len(ranked)), 0, 1)
    change = float(weights @ [value for _, value in ranked] / number) if ranked else math.nan
    return WorstGroups(change, tuple(name for (name, _), weight in zip(ranked, weights, strict=True) if weight))


def group_changes(challenger: ImageTable, champion: ImageTable) -> dict[str, float]:
    """Change of each group's mean IoU, over the classes that the group has more than a trace of, by the group's name.

    A group without such a class is left out. The tables are of the same images.
    """
    names, sums = unit_sums(champion, "group")
    return _mean_changes(names, unit_sums(challenger, "group")[1], sums)


def slice_changes(challenger: ImageTable, champion: ImageTable) -> dict[str, float]:
    """Change of the mean IoU of each slice by size and brightness, by `Slice.key`, over classes as in `group_changes`.

    A few stray pixels of a class in a slice would else weigh as much as a class that fills it.
    """
    better, counted, changes = challenger.counted(), champion.counted(), dict[str, float]()
    for kind in KINDS:
        parts = {name: member for one, name, member in list_thirds(counted) if one == kind}
        if parts:
            sides = [[side.matrices[member].sum(axis=0) for member in parts.values()] for side in (better, counted)]
            changes |= _mean_changes([f"{kind}/{name}" for name in parts], *map(np.stack, sides))
    return changes


def _mean_changes(names: Sequence[str], better: np.ndarray, sums: np.ndarray) -> dict[str, float]:
    """Mean change over the classes of which a part of (U, K, K) has more than a trace, by the part's name."""
    rows = zip(names, _iou_of_each(better) - _iou_of_each(sums), has_class(sums), strict=True)
    return {name: float(change[shown].mean()) for name, change, shown in rows if shown.any()}


def _iou_of_each(sums: np.ndarray) -> np.ndarray:
    """(U, K) IoU of each class in each of (U, K, K) counts."""
    hits = np.diagonal(sums, axis1=1, axis2=2)
    return share(hits, sums.sum(axis=1) + sums.sum(axis=2) - hits)


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
