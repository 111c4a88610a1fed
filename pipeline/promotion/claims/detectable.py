"""Differences that a test split can show, how many more groups smaller ones need, and where to look for these."""

import math
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from pipeline.evaluation.bootstrap import LEAST_EFFECTIVE, Unit, names_of_units
from pipeline.evaluation.image_table import ImageTable
from pipeline.evaluation.reasons import Reason, Value
from pipeline.evaluation.slices import list_thirds
from pipeline.promotion.comparison import Comparison
from pipeline.promotion.findings import give_reason, units_to_exchange

POWER = 0.8
MOST_UNITS = 10_000_000


@dataclass(frozen=True)
class Detectable:
    """The reach of a comparison.

    Attributes:
        difference: smallest true difference of mean IoU that is shown with a probability of 0.8; nan if the exchange
            test shows none on so few units.
        more_for_1: units to add so that 1 point is shown with this probability; 0 if it is already.
        more_for_2: the same of 2 points.
        part: slice of the images whose counts make up the largest share of the difference's variance, such as
            "brightness/dark"; None if the images have no slices.
        part_share: this share; nan without a slice.
        num_needed: units that the exchange test needs.
        is_weighted: the difference is one of weighted mean IoU.
    """

    difference: float
    more_for_1: int
    more_for_2: int
    part: str | None = None
    part_share: float = math.nan
    num_needed: int = 0
    is_weighted: bool = False

    def reasons(self, unit: Unit, num_units: int) -> Iterator[Reason]:
        """Notes for a decision or a comparison on some units."""
        values: dict[str, Value] = {"unit": unit, "is_weighted": self.is_weighted, "num_units": num_units}
        if math.isnan(self.difference):
            yield give_reason("nothing_detectable", needed=self.num_needed, **values)
            return
        values |= {"detectable": self.difference, "more_for_1": self.more_for_1, "more_for_2": self.more_for_2}
        if unit == "block":  # other groups have other blocks
            yield give_reason("detectable_by_blocks", **values | {"unit": "group"})
            return
        yield give_reason("detectable", **values)
        if self.part and self.more_for_1:
            shares: dict[str, Value] = {"part": self.part, "part_share": self.part_share}
            yield give_reason("heaviest_part", number=self.more_for_1, unit=unit, **shares)


def spread_of(against: Comparison) -> tuple[float, float]:
    """Standard error of the difference, from the width of its interval, and its degrees of freedom; nan without one."""
    freedom = max(against.difference.num_effective, LEAST_EFFECTIVE) - 1
    width = against.difference.high - against.difference.low
    return width / 2 / float(stdtrit(freedom, against.confidence)), freedom


def detectable(against: Comparison, tables: tuple[ImageTable, ImageTable] | None = None) -> Detectable | None:
    """The smallest difference that is shown with 80 % power: (t(confidence) + t(0.8)) * SE (Bloom, 1995).

    More units lower SE by their root, and Student's t too. The exchange test needs log2(1 / level) units at least.

    Args:
        tables: of challenger and champion, for the slice; None: without it.

    Returns:
        None if the difference has no interval.
    """
    error, freedom = spread_of(against)
    if not against.difference.is_shown:
        return None
    level = 1 - against.confidence
    num_needed = units_to_exchange(level)

    def shown_on(num_units: int) -> float:
        if num_units < num_needed:
            return math.inf
        now = freedom * num_units / against.num_units
        return _quantiles(now, level) * error * math.sqrt(against.num_units / num_units)

    def more_for(difference: float) -> int:
        wanted = range(against.num_units, MOST_UNITS)
        return bisect_left(wanted, True, key=lambda num_units: shown_on(num_units) <= difference)

    is_weighted = against.weighted_mean_ious is not None
    part, share = heaviest_part(*tables, against.unit) if tables and not is_weighted else (None, math.nan)
    now = shown_on(against.num_units)
    return Detectable(
        difference=math.nan if math.isinf(now) else now,
        more_for_1=more_for(0.01),
        more_for_2=more_for(0.02),
        part=part,
        part_share=share,
        num_needed=num_needed,
        is_weighted=is_weighted,
    )


def _quantiles(freedom: float, level: float) -> float:
    return float(stdtrit(freedom, 1 - level) + stdtrit(freedom, POWER))


def heaviest_part(challenger: ImageTable, champion: ImageTable, unit: Unit) -> tuple[str | None, float]:
    """The slice with the largest share of the difference's variance, and this share.

    To first order the difference is a sum of an influence for each image (Hampel, 1974). Its variance is the sum of the
    squares of the units' influences. A slice has the part of it that its images' influences correlate with, so the
    shares of the thirds by size, and by brightness, add up to 1 each.
    """
    challenger, champion = challenger.counted(), champion.counted()
    influences = _influences(challenger) - _influences(champion)  # (N,)
    _, index = np.unique(names_of_units(challenger, unit), return_inverse=True)
    by_unit = np.bincount(index, influences)
    variance = float(by_unit @ by_unit)
    shares = {
        f"{kind}/{name}": float(np.bincount(index[member], influences[member], len(by_unit)) @ by_unit) / variance
        for kind, name, member in list_thirds(challenger)
        if variance > 0
    }
    return max(shares.items(), key=lambda item: item[1], default=(None, math.nan))


def _influences(table: ImageTable) -> np.ndarray:
    """(N,) of each image on the mean IoU: the mean over labelled classes of (hits - IoU * union) / all unions."""
    hits = np.diagonal(table.matrices, axis1=1, axis2=2).astype(np.float64)  # (N, K)
    unions = table.matrices.sum(axis=1) + table.matrices.sum(axis=2) - hits
    labelled = table.matrices.sum(axis=(0, 2)) > 0
    hits, unions = hits[:, labelled], unions[:, labelled]
    total = unions.sum(axis=0)
    return np.asarray(((hits - hits.sum(axis=0) / total * unions) / total).mean(axis=1))
