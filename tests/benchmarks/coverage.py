"""How often the 95 % interval holds the truth: on test splits drawn from a population of real units."""

import json
from typing import NamedTuple

import numpy as np

from pipeline.evaluation.bootstrap import (
    Interval,
    Unit,
    draw_weights,
    mean_over_classes,
    percentile_interval,
    resampled_iou,
    t_interval,
    units_with_class,
)
from pipeline.vision.confusion import iou_per_class, mean_iou
from tests.benchmarks.real_counts import RealCounts, read_counts, true_mean_iou

CONFIDENCE, NUM_RESAMPLES, MIN_UNITS = 0.95, 2000, 5
NUM_SPLITS = 1000
NUMS_UNITS = (5, 10, 20, 40)
TOLD = 20
"""Groups of a realistic test split: the last line tells of these."""


class Coverage(NamedTuple):
    """Shares of the splits, in [0, 1], but for the width.

    Attributes:
        ours: `mean_iou_interval` holds the truth.
        too_low: it lies wholly below the truth.
        too_high: it lies wholly above the truth.
        width: its mean width, mean IoU.
        percentiles: the percentile interval with Hesterberg's expansion holds the truth.
        classes: the interval of a class holds the truth, mean over the classes that are shown.
    """

    ours: float
    too_low: float
    too_high: float
    width: float
    percentiles: float
    classes: float


def measure(counts: RealCounts, unit: Unit, num_units: int) -> Coverage:
    """Draws splits of a number of units, each for one of the models in turn."""
    population = counts.units(unit)
    random = np.random.Generator(np.random.Philox(num_units))
    rows = []
    for split in range(NUM_SPLITS):
        model = population[split % len(population)]
        drawn = model[random.integers(len(model), size=num_units)]
        rows.append(_try(drawn, true_mean_iou(model), iou_per_class(model.sum(axis=0)), split))
    return Coverage(*(float(share) for share in np.nanmean(rows, axis=0)))


def _try(drawn: np.ndarray, truth: float, class_truths: np.ndarray, seed: int) -> tuple[float, ...]:
    """A row of `Coverage`: of one split."""
    sure, num_units = (1 + CONFIDENCE) / 2, len(drawn)
    iou = resampled_iou(drawn, draw_weights(num_units, NUM_RESAMPLES, seed))
    estimate, resampled, pooled = mean_iou(drawn.sum(axis=0)), mean_over_classes(iou), iou_per_class(drawn.sum(axis=0))
    ours = t_interval(estimate, resampled, sure, num_units, MIN_UNITS, (0, 1))
    percentiles = percentile_interval(estimate, resampled, sure, num_units, MIN_UNITS)
    classes = [
        t_interval(pooled[id_], iou[:, id_], sure, int(support), MIN_UNITS, (0, 1))
        for id_, support in enumerate(units_with_class(drawn))
    ]
    held = [_holds(interval, class_truths[id_]) for id_, interval in enumerate(classes) if interval.is_shown]
    return (
        _holds(ours, truth),
        ours.high < truth,
        ours.low > truth,
        ours.high - ours.low,
        _holds(percentiles, truth),
        float(np.mean(held)) if held else np.nan,
    )


def _holds(interval: Interval, truth: float) -> bool:
    return interval.low <= truth <= interval.high


def main() -> None:
    """Prints a row for each kind and number of units."""
    counts = read_counts()
    print(f"{NUM_SPLITS} splits a row, error of a share of 0.95: {(0.95 * 0.05 / NUM_SPLITS) ** 0.5:.3f}")
    print("unit   drawn   of   held  too low  too high  width  percentiles  classes")
    told = np.nan
    for unit in ("group", "image"):
        for num_units in NUMS_UNITS:
            found = measure(counts, unit, num_units)
            print(
                f"{unit}   {num_units:5} {counts.units(unit).shape[1]:4}  {found.ours:.3f}    {found.too_low:.3f}"
                f"     {found.too_high:.3f}  {found.width:.3f}        {found.percentiles:.3f}    {found.classes:.3f}",
                flush=True,
            )
            if (unit, num_units) == ("group", TOLD):
                told = found.ours
    print(json.dumps({"coverage": told}))


if __name__ == "__main__":
    main()
