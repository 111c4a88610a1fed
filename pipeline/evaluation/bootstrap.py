"""Error bars by the bootstrap (Efron, 1979) over groups of images: what other test splits would have shown.

Pixels of an image, and images of a group, are not independent, so whole units are drawn. IoU is a ratio of sums over
units, so a resample needs two sums per class, and all of them are two matrix products. Every sum is a whole number
below 2**53: exact in float64 in whatever order it is added, so the bytes are the same on every machine.
"""

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from scipy.special import ndtr, stdtrit

from pipeline.disk.records import Count, Measure
from pipeline.evaluation.image_table import ImageTable
from pipeline.vision.confusion import iou_per_class, mean, mean_iou, share

Unit = Literal["group", "image", "block"]
MIN_BEYOND = 10
"""Resamples beyond an end of a percentile interval, so that it does not rest on a few."""
NUM_BLOCKS = 10
"""Of a group, for `unit: block`: runs of neighbouring images, by name, as of a video (Carlstein, 1986)."""
TRACE = 0.01
"""A unit has a class from this share on, of the pixels of the class in the unit that a pixel of it lies in on average.

A few pixels at the edge of an image tell nothing of a class. Of units of lognormal size it leaves out .1 % (sigma 1).
"""
LEAST_EFFECTIVE = 2.0
"""A spread has one degree of freedom at least."""
CHUNK_CELLS = 1 << 20
"""Weights that are drawn, or widened to float64, at a time: memory does not grow with the number of units."""


@dataclass(frozen=True)
class Interval:
    """An estimate and how sure it is.

    Attributes:
        estimate: on the whole split; nan if there is nothing to estimate from.
        low: lower end; nan if it rests on too few units.
        high: upper end; nan if `low` is.
        num_units: units the ends rest on; of a class, those that have more than a trace of it.
        num_effective: as many even units tell as much, see `effective_units`; nan in old files.
    """

    estimate: Measure
    low: Measure
    high: Measure
    num_units: Count
    num_effective: Measure = math.nan

    @property
    def is_shown(self) -> bool:
        """False if the estimate or an end is nan."""
        return not math.isnan(self.estimate + self.low + self.high)


class Support(NamedTuple):
    """The units that an estimate rests on, see `Interval`; with fewer than `min_units` its ends are nan."""

    num_units: int
    num_effective: float
    min_units: int


def unit_sums(table: ImageTable, unit: Unit) -> tuple[tuple[str, ...], np.ndarray]:
    """The counts of each unit; a group, image or block without a counted pixel is not a unit.

    Returns:
        The U units' names, sorted, and (U, K, K) int64.
    """
    names, index = np.unique(names_of_units(table, unit)[_is_counted(table)], return_inverse=True)
    sums = np.zeros((len(names), *table.matrices.shape[1:]), np.int64)
    np.add.at(sums, index, table.matrices[_is_counted(table)])
    return tuple(names.tolist()), sums


def count_left_out(table: ImageTable, unit: Unit) -> int:
    """Number of groups, images or blocks that are not units, because every pixel of theirs is ignored."""
    names = names_of_units(table, unit)
    return len(set(names)) - len(set(names[_is_counted(table)]))


def draws_within_groups(table: ImageTable, unit: Unit) -> bool:
    """Whether several units are of one group, so that they are alike and the level is not kept."""
    return unit != "group" and len(unit_sums(table, unit)[0]) > len(unit_sums(table, "group")[0])


def _is_counted(table: ImageTable) -> np.ndarray:
    return np.asarray(table.matrices.any(axis=(1, 2)))


def names_of_units(table: ImageTable, unit: Unit) -> np.ndarray:
    """(N,) the name of the unit that each image is a part of."""
    groups = np.array(table.groups, object)
    names = np.array(table.names, object) if unit == "image" else groups.copy()
    if unit == "block":
        for group in set(table.groups):
            rows = sorted(np.flatnonzero(groups == group), key=lambda row: table.names[row])
            for number, block in enumerate(np.array_split(rows, NUM_BLOCKS)):
                names[block] = f"{group}/{number}"
    return names


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
    support = support_of(sums, min_units)
    if len(sums) < min_units:
        return Interval(estimate, math.nan, math.nan, len(sums), support.num_effective)
    resampled = mean_over_classes(resampled_iou(sums, draw_weights(len(sums), num_resamples, seed)))
    return t_interval(estimate, resampled, (1 + confidence) / 2, support, (0, 1))


def class_intervals(
    table: ImageTable, *, unit: Unit, num_resamples: int, seed: int, confidence: float, min_units: int
) -> dict[str, Interval]:
    """Two-sided interval of each class's IoU, by name, each for itself; for the arguments see `mean_iou_interval`.

    A class rests on the units that have it; if they are fewer than `min_units`, its ends are nan.
    """
    sums = unit_sums(table, unit)[1]
    resampled = resampled_iou(sums, draw_weights(len(sums), num_resamples, seed))
    each = zip(iou_per_class(table.pooled()).tolist(), resampled.T, class_supports(sums, min_units), strict=True)
    found = [t_interval(estimate, column, (1 + confidence) / 2, support, (0, 1)) for estimate, column, support in each]
    return dict(zip(table.class_names, found, strict=True))


def has_class(sums: np.ndarray) -> np.ndarray:
    """(U, K) whether the labels of a unit of (U, K, K) have more than a trace of the class, see `TRACE`."""
    pixels = sums.sum(axis=2).astype(np.float64)
    usual = (pixels**2).sum(axis=0) / np.maximum(pixels.sum(axis=0), 1)
    return np.asarray((pixels > 0) & (pixels >= TRACE * usual))


def effective_units(sums: np.ndarray) -> np.ndarray:
    """Kish's effective number of the units of each class: as many even ones tell as much (Kish, 1965, section 11.7).

    Args:
        sums: (U, K, K) counts of `unit_sums`.

    Returns:
        (K,) float64 in [1, U], (sum w)**2 / sum(w**2) with the labelled pixels w; nan for a class without any.
    """
    pixels = sums.sum(axis=2).astype(np.float64)
    return share(pixels.sum(axis=0) ** 2, (pixels**2).sum(axis=0))


def class_supports(sums: np.ndarray, min_units: int) -> list[Support]:
    """What the IoU of each class rests on."""
    numbers = has_class(sums).sum(axis=0).tolist()
    return [Support(*found, min_units) for found in zip(numbers, effective_units(sums).tolist(), strict=True)]


def support_of(sums: np.ndarray, min_units: int) -> Support:
    """What the mean IoU rests on; its effective number is the mean over the classes, which count alike in it."""
    return Support(len(sums), mean(effective_units(sums)), min_units)


def t_interval(
    estimate: float, resampled: np.ndarray, confidence: float, support: Support, limits: tuple[float, float]
) -> Interval:
    """Student's interval with the bootstrap's standard error and without the bootstrap's bias.

    The IoU of few pooled units is too low on average, and that of a resample is lower by as much again. Percentiles
    count this bias twice; here it is subtracted (Efron and Tibshirani, 1993, chapter 10). Resamples of n units spread
    too little by sqrt((n - 1) / n) (Hesterberg, 2015). The degrees of freedom come from the effective number of units,
    as few large ones decide. The benchmark `coverage` compares this with the plain number, and with percentiles.

    Args:
        estimate: on the whole split.
        resampled: (B,) the same on the resamples; nan where it does not exist.
        confidence: that the truth is not beyond the one end, and the same of the other, in (0.5, 1).
        support: of the estimate.
        limits: smallest and largest possible value.
    """
    defined, units = resampled[~np.isnan(resampled)], (support.num_units, support.num_effective)
    if not _can_be_shown(estimate, defined, support):
        return Interval(estimate, math.nan, math.nan, *units)
    middle = 2 * estimate - defined.mean()
    half = defined.std(ddof=1) * _spread(support, confidence)
    low, high = np.clip([middle - half, middle + half], *limits)
    return Interval(estimate, float(min(low, estimate)), float(max(high, estimate)), *units)


def percentile_interval(estimate: float, resampled: np.ndarray, confidence: float, support: Support) -> Interval:
    """The percentile interval, expanded for few units (Hesterberg, 2015); for the arguments see `t_interval`.

    Its ends are at Phi(-sqrt(n / (n - 1)) * t) in place of 1 - `confidence`. If too few resamples lie beyond them, the
    ends are Student's. For differences of two models on the same units: the bias of each is the same there.
    """
    defined, units = resampled[~np.isnan(resampled)], (support.num_units, support.num_effective)
    if not _can_be_shown(estimate, defined, support):
        return Interval(estimate, math.nan, math.nan, *units)
    tail = ndtr(-_spread(support, confidence))
    if tail * defined.size < MIN_BEYOND:
        return t_interval(estimate, defined, confidence, support, (-1, 1))
    low, high = np.quantile(defined, [tail, 1 - tail])
    return Interval(estimate, float(low), float(high), *units)


def exchange_test(
    challenger: np.ndarray, champion: np.ndarray, num_exchanges: int, seed: int, costs: np.ndarray | None = None
) -> tuple[float, float]:
    """p-values of Fisher's randomisation test on pairs: were the two alike, either could be the other's in any unit.

    It keeps its level for any number of units of any size, if the models are exchangeable within each group: whichever
    was made first, the counts of a group would be as likely the other way round. It does not if the challenger loses
    much in few groups and wins little in the others; the limits of groups and slices are there for that.

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


def _can_be_shown(estimate: float, defined: np.ndarray, support: Support) -> bool:
    return support.num_units >= max(support.min_units, 2) and not math.isnan(estimate) and defined.size > 1


def _spread(support: Support, confidence: float) -> float:
    """Standard errors between the estimate and an end: Student's t, and sqrt(n / (n - 1)) for the resamples."""
    degrees = max(support.num_effective, LEAST_EFFECTIVE) - 1
    return math.sqrt(support.num_units / (support.num_units - 1)) * float(stdtrit(degrees, confidence))
