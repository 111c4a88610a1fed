"""Error bars by the bootstrap (Efron, 1979) over groups of images: what other test splits would have shown.

Pixels of an image, and images of a group, are not independent, so whole units are drawn. IoU is a ratio of sums over
units, so a resample needs two sums per class, and all of them are two matrix products. Every sum is a whole number
below 2**53: exact in float64 in whatever order it is added, so the bytes are the same on every machine.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtr, stdtrit

from pipeline.disk.records import Count, Measure
from pipeline.evaluation.image_table import ImageTable
from pipeline.vision.confusion import iou_per_class, mean_iou

Unit = Literal["group", "image"]
MIN_BEYOND = 10
"""Resamples beyond an end of a percentile interval, so that it does not rest on a few."""
CHUNK_CELLS = 1 << 20
"""Weights that are drawn, or widened to float64, at a time: memory does not grow with the number of units."""


@dataclass(frozen=True)
class Interval:
    """An estimate and how sure it is.

    Attributes:
        estimate: on the whole split; nan if there is nothing to estimate from.
        low: lower end; nan if it rests on too few units.
        high: upper end; nan if `low` is.
        num_units: units the ends rest on; of a class, those whose truth has it.
    """

    estimate: Measure
    low: Measure
    high: Measure
    num_units: Count

    @property
    def is_shown(self) -> bool:
        """False if the estimate or an end is nan."""
        return not math.isnan(self.estimate + self.low + self.high)


def unit_sums(table: ImageTable, unit: Unit) -> tuple[tuple[str, ...], np.ndarray]:
    """The counts of each unit; a group or image without a counted pixel is not a unit.

    Returns:
        The U units' names, sorted, and (U, K, K) int64.
    """
    counted = table.counted()
    names, index = np.unique(np.array(_names(counted, unit), object), return_inverse=True)
    sums = np.zeros((len(names), *counted.matrices.shape[1:]), np.int64)
    np.add.at(sums, index, counted.matrices)
    return tuple(names.tolist()), sums


def count_left_out(table: ImageTable, unit: Unit) -> int:
    """Number of groups or images that are not units, because every pixel of theirs is ignored."""
    return len(set(_names(table, unit))) - len(set(_names(table.counted(), unit)))


def _names(table: ImageTable, unit: Unit) -> tuple[str, ...]:
    return table.groups if unit == "group" else table.names


def draw_weights(num_units: int, num_resamples: int, seed: int) -> np.ndarray:
    """How often each unit is in each resample; the same for every model, so comparisons are paired.

    Returns:
        (B, U) int32, each row sums to U.
    """
    random = np.random.Generator(np.random.Philox(seed))
    weights = np.empty((num_resamples, num_units), np.int32)
    for rows in _chunks(num_resamples, num_units):
        drawn = random.integers(max(num_units, 1), size=(rows.stop - rows.start, num_units))
        drawn += np.arange(len(drawn))[:, None] * num_units
        weights[rows] = np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape)
    return weights


def resampled_iou(sums: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """IoU of each class in each resample, pixels pooled over the resample.

    Args:
        sums: (U, K, K) counts of `unit_sums`.
        weights: (B, U) of `draw_weights`.

    Returns:
        (B, K) float64 in [0, 1]; nan where no label of a resample has the class, as in `confusion.mean_iou`.
    """
    hits = np.diagonal(sums, axis1=1, axis2=2).astype(np.float64)  # (U, K)
    unions = sums.sum(axis=1) + sums.sum(axis=2) - hits
    labelled = sums.sum(axis=2) > 0
    iou = np.empty((len(weights), hits.shape[1]))
    for rows in _chunks(*weights.shape):
        drawn = weights[rows].astype(np.float64)
        with np.errstate(invalid="ignore"):
            iou[rows] = np.where(drawn @ labelled > 0, (drawn @ hits) / (drawn @ unions), np.nan)
    return iou


def mean_over_classes(iou: np.ndarray, costs: np.ndarray | None = None) -> np.ndarray:
    """(B,) mean of (B, K) over the classes that have an IoU, weighted by `costs` (K,); nan where none has."""
    weights = ~np.isnan(iou) if costs is None else np.where(np.isnan(iou), 0.0, costs)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.nansum(iou if costs is None else iou * costs, axis=1) / weights.sum(axis=1))


def mean_iou_interval(
    table: ImageTable, *, unit: Unit, num_resamples: int, seed: int, confidence: float, min_units: int
) -> Interval:
    """Two-sided interval of the mean IoU, see `t_interval`.

    Args:
        table: counts of each image.
        unit: groups are drawn, or images if these are independent.
        num_resamples: B.
        seed: for the draws.
        confidence: that the interval holds the truth, in (0, 1).
        min_units: with fewer, the ends are nan.
    """
    sums, estimate = unit_sums(table, unit)[1], mean_iou(table.pooled())
    if len(sums) < min_units:
        return Interval(estimate, math.nan, math.nan, len(sums))
    resampled = mean_over_classes(resampled_iou(sums, draw_weights(len(sums), num_resamples, seed)))
    return t_interval(estimate, resampled, (1 + confidence) / 2, len(sums), min_units, (0, 1))


def class_intervals(
    table: ImageTable, *, unit: Unit, num_resamples: int, seed: int, confidence: float, min_units: int
) -> dict[str, Interval]:
    """Two-sided interval of each class's IoU, by name, each for itself; for the arguments see `mean_iou_interval`.

    A class rests on the units whose truth has it; if they are fewer than `min_units`, its ends are nan.
    """
    sums = unit_sums(table, unit)[1]
    resampled = resampled_iou(sums, draw_weights(len(sums), num_resamples, seed))
    estimates, support = iou_per_class(table.pooled()).tolist(), units_with_class(sums).tolist()
    sure = (1 + confidence) / 2
    return {
        name: t_interval(estimates[id_], resampled[:, id_], sure, support[id_], min_units, (0, 1))
        for id_, name in enumerate(table.class_names)
    }


def units_with_class(sums: np.ndarray) -> np.ndarray:
    """(K,) units of (U, K, K) whose truth has the class."""
    return np.asarray((sums.sum(axis=2) > 0).sum(axis=0))


def t_interval(
    estimate: float,
    resampled: np.ndarray,
    confidence: float,
    num_units: int,
    min_units: int,
    limits: tuple[float, float],
) -> Interval:
    """Student's interval with the bootstrap's standard error and without the bootstrap's bias.

    The IoU of few pooled units is too low on average, and that of a resample is lower by as much again. Percentiles
    count this bias twice; here it is subtracted (Efron and Tibshirani, 1993, chapter 10). Resamples of n units spread
    too little by sqrt((n - 1) / n) (Hesterberg, 2015). The benchmark `coverage` compares this with percentiles.

    Args:
        estimate: on the whole split.
        resampled: (B,) the same on the resamples; nan where it does not exist.
        confidence: that the truth is not beyond the one end, and the same of the other, in (0.5, 1).
        num_units: n, units that the estimate rests on.
        min_units: with fewer, the ends are nan.
        limits: smallest and largest possible value.
    """
    defined = resampled[~np.isnan(resampled)]
    if not _can_be_shown(estimate, defined, num_units, min_units):
        return Interval(estimate, math.nan, math.nan, num_units)
    middle = 2 * estimate - defined.mean()
    half = defined.std(ddof=1) * _spread(num_units, confidence)
    low, high = np.clip([middle - half, middle + half], *limits)
    return Interval(estimate, float(min(low, estimate)), float(max(high, estimate)), num_units)


def joint_intervals(
    estimates: np.ndarray, resampled: np.ndarray, confidence: float, num_units: np.ndarray, min_units: int
) -> list[Interval]:
    """Intervals of K differences of IoU whose lower ends hold together at `confidence`, and so do the upper ones.

    Bonferroni's correction over the classes that can be judged: it gives bounds, Holm's test does not. Student's t,
    because percentiles of some thousand resamples do not reach as far out as the correction needs.

    Args:
        estimates: (K,) on the whole split.
        resampled: (B, K) the same on the resamples.
        confidence: of all lower ends together, in (0.5, 1).
        num_units: (K,) that each rests on.
        min_units: with fewer, the ends are nan.
    """
    each = 1 - (1 - confidence) / max(1, int((num_units >= min_units).sum()))
    return [
        t_interval(float(estimate), column, each, int(number), min_units, (-1, 1))
        for estimate, column, number in zip(estimates, resampled.T, num_units, strict=True)
    ]


def percentile_interval(
    estimate: float, resampled: np.ndarray, confidence: float, num_units: int, min_units: int
) -> Interval:
    """The percentile interval, expanded for few units (Hesterberg, 2015); for the arguments see `t_interval`.

    Its ends are at Phi(-sqrt(n / (n - 1)) * t) in place of 1 - `confidence`. If too few resamples lie beyond them, the
    ends are Student's. For differences of two models on the same units: the bias of each is the same there.
    """
    defined = resampled[~np.isnan(resampled)]
    if not _can_be_shown(estimate, defined, num_units, min_units):
        return Interval(estimate, math.nan, math.nan, num_units)
    tail = ndtr(-_spread(num_units, confidence))
    if tail * defined.size < MIN_BEYOND:
        return t_interval(estimate, defined, confidence, num_units, min_units, (-1, 1))
    low, high = np.quantile(defined, [tail, 1 - tail])
    return Interval(estimate, float(low), float(high), num_units)


def exchange_test(
    challenger: np.ndarray, champion: np.ndarray, num_exchanges: int, seed: int, costs: np.ndarray | None = None
) -> tuple[float, float]:
    """p-values of Fisher's randomisation test on pairs: were the two alike, either could be the other's in any unit.

    Unlike the bootstrap it keeps its level exactly for any number of units.

    Args:
        challenger: (U, K, K) counts of `unit_sums`.
        champion: (U, K, K), the same of the other model.
        num_exchanges: drawn at random from the 2**U.
        seed: for the draws.
        costs: as in `mean_over_classes`.

    Returns:
        Share of exchanges, the observed one included, that favour the challenger at least as much, and share of those
        that favour the champion at least as much; both in (0, 1].
    """
    random = np.random.Generator(np.random.Philox(seed).jumped())
    both = np.concatenate([challenger, champion])
    kept = np.ones((num_exchanges + 1, len(challenger)), bool)
    for rows in _chunks(num_exchanges, len(challenger)):
        kept[1:][rows] = random.integers(2, size=(rows.stop - rows.start, len(challenger)), dtype=np.int8)
    one, other = (
        mean_over_classes(resampled_iou(both, np.concatenate(side, axis=1)), costs)
        for side in ((kept, ~kept), (~kept, kept))
    )
    differences = one - other
    return float((differences >= differences[0]).mean()), float((differences <= differences[0]).mean())


def _chunks(num_rows: int, num_columns: int) -> list[slice]:
    """Rows that are worked on at a time, so that they hold about `CHUNK_CELLS` cells."""
    step = max(1, CHUNK_CELLS // max(1, num_columns))
    return [slice(start, min(start + step, num_rows)) for start in range(0, num_rows, step)]


def _can_be_shown(estimate: float, defined: np.ndarray, num_units: int, min_units: int) -> bool:
    return num_units >= max(min_units, 2) and not math.isnan(estimate) and defined.size > 1


def _spread(num_units: int, confidence: float) -> float:
    """Standard errors between the estimate and an end: Student's t, and sqrt(n / (n - 1)) for the resamples."""
    return math.sqrt(num_units / (num_units - 1)) * float(stdtrit(num_units - 1, confidence))
