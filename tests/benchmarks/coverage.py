"""How often the 95 % interval holds the truth, on test splits drawn from populations whose pooled mean IoU is known.

The units of real models, and made-up groups of even and uneven size with heavy-tailed effects.
"""

import json
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pipeline.evaluation.bootstrap import (
    Interval,
    Support,
    class_supports,
    draw_weights,
    mean_over_classes,
    percentile_interval,
    resampled_iou,
    support_of,
    t_interval,
)
from pipeline.vision.confusion import iou_per_class, mean_iou
from tests.benchmarks.made_groups import make_groups
from tests.benchmarks.real_counts import read_counts, true_mean_iou

CONFIDENCE, NUM_RESAMPLES, MIN_UNITS = 0.95, 1000, 5
NUM_SPLITS = 2000
NUMS_UNITS = (5, 10, 20, 40)
MADE = {
    "even_5": (5, 0.0),
    "even_10": (10, 0.0),
    "even_20": (20, 0.0),
    "uneven_20": (20, 1.0),
    "very_uneven_20": (20, 1.5),
    "uneven_40": (40, 1.0),
}
"""Number of made-up groups and sigma of their size."""
NUMS_CLASSES, NUM_MADE = (6, 19), 20_000


class Coverage(NamedTuple):
    """Shares of the splits, in [0, 1], but for the width and the number.

    Attributes:
        ours: `mean_iou_interval` holds the truth.
        too_low: it lies wholly below the truth.
        too_high: it lies wholly above the truth.
        width: its mean width, mean IoU.
        plain: it holds the truth if the degrees of freedom are those of the plain number of units.
        percentiles: the percentile interval with Hesterberg's expansion holds the truth.
        classes: the interval of a class holds the truth, mean over the classes that are shown.
        effective: effective number of units, mean.
    """

    ours: float
    too_low: float
    too_high: float
    width: float
    plain: float
    percentiles: float
    classes: float
    effective: float


def measure(population: np.ndarray, num_units: int) -> Coverage:
    """Draws splits of a number of units from (M, N, K, K) counts, each for one of the models in turn."""
    random = np.random.Generator(np.random.Philox(num_units))
    truths = [(true_mean_iou(model), iou_per_class(model.sum(axis=0))) for model in population]
    rows = []
    for split in range(NUM_SPLITS):
        model = population[split % len(population)]
        drawn = model[random.integers(len(model), size=num_units)]
        rows.append(_try(drawn, *truths[split % len(population)], split))
    return Coverage(*(float(share) for share in np.nanmean(rows, axis=0)))


def _try(drawn: np.ndarray, truth: float, class_truths: np.ndarray, seed: int) -> tuple[float, ...]:
    """A row of `Coverage`: of one split."""
    sure, num_units = (1 + CONFIDENCE) / 2, len(drawn)
    iou = resampled_iou(drawn, draw_weights(num_units, NUM_RESAMPLES, seed))
    estimate, resampled, pooled = mean_iou(drawn.sum(axis=0)), mean_over_classes(iou), iou_per_class(drawn.sum(axis=0))
    support = support_of(drawn, MIN_UNITS)
    ours = t_interval(estimate, resampled, sure, support, (0, 1))
    plain = t_interval(estimate, resampled, sure, Support(num_units, num_units, MIN_UNITS), (0, 1))
    percentiles = percentile_interval(estimate, resampled, sure, support)
    supports = class_supports(drawn, MIN_UNITS)
    classes = [t_interval(pooled[id_], iou[:, id_], sure, rests, (0, 1)) for id_, rests in enumerate(supports)]
    held = [_holds(interval, class_truths[id_]) for id_, interval in enumerate(classes) if interval.is_shown]
    return (
        _holds(ours, truth),
        ours.high < truth,
        ours.low > truth,
        ours.high - ours.low,
        _holds(plain, truth),
        _holds(percentiles, truth),
        float(np.mean(held)) if held else np.nan,
        support.num_effective,
    )


def _holds(interval: Interval, truth: float) -> bool:
    return interval.low <= truth <= interval.high


def _row(name: str, num_units: int, found: Coverage) -> str:
    sides = f"{found.ours:.3f}    {found.too_low:.3f}     {found.too_high:.3f}  {found.width:.3f}"
    rest = f"{found.plain:.3f}        {found.percentiles:.3f}    {found.classes:.3f}"
    return f"{name:26} {num_units:3} {found.effective:5.1f}  {sides}  {rest}"


def _measure_made(num_units: int, sigma: float, name: str) -> float:
    """Prints a row for each number of classes; returns the share of all."""
    shares: Sequence[float] = []
    for num_classes in NUMS_CLASSES:
        found = measure(make_groups(NUM_MADE, num_classes, sigma, 1, num_classes), num_units)
        print(_row(f"{name}, {num_classes} classes", num_units, found), flush=True)
        shares = [*shares, found.ours]
    return float(np.mean(shares))


def main() -> None:
    """Prints a row for each population and number of units."""
    counts = read_counts()
    print(f"{NUM_SPLITS} splits a row, error of a share of 0.95: {(0.95 * 0.05 / NUM_SPLITS) ** 0.5:.3f}")
    print("units                    drawn as good as  held  too low  too high  width  plain  percentiles  classes")
    told = {}
    for num_units in NUMS_UNITS:
        found = measure(counts.units("group"), num_units)
        print(_row("real groups", num_units, found), flush=True)
        told[f"real_{num_units}"] = found.ours
    told |= {name: _measure_made(*made, name) for name, made in MADE.items()}
    print(json.dumps({name: round(share, 4) for name, share in told.items()}))


if __name__ == "__main__":
    main()
