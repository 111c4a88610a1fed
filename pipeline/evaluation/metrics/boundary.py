"""Metrics of the classes' boundaries, every class at once.

Pixels whose id is `IGNORED` in the target are never counted. An ignored region is put into the prediction as well, so
both have the same edge towards it.
"""

import math

import numpy as np

from pipeline.evaluation.image_table import ImageTable
from pipeline.evaluation.metrics.metric import IGNORED, MetricResult, Seen, Setting, by_name, hide
from pipeline.vision.confusion import mean, share
from pipeline.vision.counting import count_ids, look_up
from pipeline.vision.regions import near_other_ids

NUM_BITS = 32


class BoundaryIou:
    """Boundary IoU (Cheng et al., 2021), pixels pooled over the split; nan for a class without a boundary.

    The band is `boundary_width` of the image's diagonal wide; Cheng et al. take 0.02.
    """

    has_classes = True

    def __init__(self, setting: Setting) -> None:
        self.width = setting.boundary_width
        self.counts = np.zeros((3, len(setting.class_names)), np.int64)

    def add(self, seen: Seen) -> None:
        """Counts the bands of an image."""
        target, pred = seen.counted
        width_px = max(1, round(self.width * math.hypot(*target.shape)))
        self.counts += count_bands(target, pred, self.counts.shape[1], width_px)

    def result(self, table: ImageTable) -> MetricResult:
        """Mean over the classes that have a boundary, and by class."""
        iou = band_iou(self.counts)
        return MetricResult(mean(iou), by_name(table.class_names, iou))


class BoundaryF1:
    """Boundary F1 (Csurka et al., 2013) with `boundary_tolerance_px`; nan for a class without a boundary."""

    has_classes = True

    def __init__(self, setting: Setting) -> None:
        self.tolerance_px = setting.boundary_tolerance_px
        self.counts = np.zeros((4, len(setting.class_names)), np.int64)

    def add(self, seen: Seen) -> None:
        """Counts the edges of an image."""
        self.counts += count_edges(*seen.counted, self.counts.shape[1], self.tolerance_px)

    def result(self, table: ImageTable) -> MetricResult:
        """Mean over the classes that have a boundary, and by class."""
        f1 = edge_f1(self.counts)
        return MetricResult(mean(f1), by_name(table.class_names, f1))


def count_bands(target: np.ndarray, pred: np.ndarray, num_classes: int, width_px: int) -> np.ndarray:
    """Counts for boundary IoU (Cheng et al., 2021): of each class, the pixels within `width_px` of its own edge.

    The distance is the larger of rows and columns, as by the authors' repeated 3 x 3 erosion, and the picture's border
    is an edge, as in their code.

    Args:
        target: (H, W) uint8 ids in [0, K), or `IGNORED`.
        pred: (H, W) uint8 ids in [0, K); `IGNORED` where the target is.
        num_classes: K.
        width_px: of the band, at least 1.

    Returns:
        (3, K) int64: pixels in both bands, in the target's and in the prediction's.
    """
    band = hide(target, ~near_other_ids(target, width_px, border=True))
    pred_band = hide(pred, ~near_other_ids(pred, width_px, border=True))
    pairs = count_ids(band, pred_band)
    return np.stack([pairs.diagonal(), pairs.sum(axis=1), pairs.sum(axis=0)])[:, :num_classes]


def band_iou(counts: np.ndarray) -> np.ndarray:
    """Boundary IoU (K,) of counts (3, K); nan where a class has no band."""
    both, target, pred = counts
    return share(both, target + pred - both)


def count_edges(target: np.ndarray, pred: np.ndarray, num_classes: int, tolerance_px: int) -> np.ndarray:
    """Counts for boundary F1 (Csurka et al., 2013): edge pixels, and those with an edge of the same class nearby.

    An edge pixel of a class has a neighbour, of its eight, of another id; the picture's border makes no edge. Nearby is
    in the square of `tolerance_px`, 0 or more, to all sides. For the other arguments see `count_bands`.

    Returns:
        (4, K) int64: the target's edge pixels, those of them that are met, the prediction's, those of them that are.
    """
    edges = hide(target, ~near_other_ids(target, 1, border=False))
    pred_edges = hide(pred, ~near_other_ids(pred, 1, border=False))
    sides = ((edges, pred_edges), (pred_edges, edges))
    return np.concatenate([_count_met(*side, num_classes, tolerance_px) for side in sides])


def edge_f1(counts: np.ndarray) -> np.ndarray:
    """Boundary F1 (K,) of counts (4, K): 0 where only one side has an edge or none is met, nan where neither has."""
    num_target, target_met, num_pred, pred_met = counts
    recall, precision = np.nan_to_num(share(target_met, num_target)), np.nan_to_num(share(pred_met, num_pred))
    f1 = np.nan_to_num(share(2 * precision * recall, precision + recall))
    return np.where(num_target + num_pred > 0, f1, np.nan)


def _count_met(edges: np.ndarray, others: np.ndarray, num_classes: int, tolerance_px: int) -> np.ndarray:
    """(2, K) pixels of `edges`, and those with one of `others` of the class nearby; bits find all classes' at once."""
    places = np.flatnonzero(edges != IGNORED)
    ids = edges.ravel()[places]
    met = np.zeros(len(ids), bool)
    for first in range(0, num_classes, NUM_BITS):
        bit_of = _bits(first, min(num_classes - first, NUM_BITS))
        nearby = _spread(look_up(others, bit_of), tolerance_px).ravel()
        met |= (nearby[places] & bit_of.take(ids)) != 0
    return np.stack([count_ids(ids), count_ids(ids[met])])[:, :num_classes]


def _bits(first: int, number: int) -> np.ndarray:
    """(256,) a bit of its own for each id from `first` on, none for the others."""
    dtype = np.uint16 if number <= 16 else np.uint32
    bits = np.zeros(256, dtype)
    bits[first : first + number] = np.left_shift(dtype(1), np.arange(number, dtype=dtype))
    return bits


def _spread(bits: np.ndarray, distance_px: int) -> np.ndarray:
    """Every bit (H, W), set in the whole square of `distance_px` to all sides."""
    for axis in (0, 1):
        spread = bits.copy()
        source, aim = np.moveaxis(bits, axis, 0), np.moveaxis(spread, axis, 0)
        for shift in range(1, distance_px + 1):
            aim[shift:] |= source[:-shift]
            aim[:-shift] |= source[shift:]
        bits = spread
    return bits
