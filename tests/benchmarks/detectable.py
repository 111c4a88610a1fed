"""How often the difference that a comparison names as detectable is shown, on new splits of models that differ so."""

import json
import time
from typing import NamedTuple

import numpy as np

from pipeline.params import PromoteParams, read_params
from pipeline.promotion.claims.detectable import POWER, detectable
from pipeline.promotion.comparison import Comparison, compare
from pipeline.promotion.rules import RULES
from tests.benchmarks.made_groups import draw_equals, make_population
from tests.benchmarks.real_counts import improve, read_counts, share_that, table_of, true_mean_iou

NUM_SPLITS = 500
SIZES = (15, 40, 80)


class Power(NamedTuple):
    """What splits of equal models name, and how often it is then shown.

    Attributes:
        predicted: mean of the differences that they name, mean IoU.
        there: share of the splits in which `superior` promotes a challenger that is truly better by it.
    """

    predicted: float
    there: float


def measure(population: np.ndarray, num_units: int, params: PromoteParams) -> Power:
    """Names a difference on splits of (M, P, K, K), makes the challenger better by it, and draws other splits."""
    equals = [_draw(population, population, num_units, seed, params) for seed in range(NUM_SPLITS)]
    predicted = float(np.mean([found.difference for found in map(detectable, equals) if found]))
    pooled = population.sum(axis=0)
    start = true_mean_iou(pooled)
    share = share_that(lambda share: true_mean_iou(improve(pooled, share)) - start, predicted)
    better = improve(population, share)
    seeds = range(NUM_SPLITS, 2 * NUM_SPLITS)
    shown = [_is_superior(_draw(better, population, num_units, seed, params), params) for seed in seeds]
    return Power(predicted, float(np.mean(shown)))


def _draw(better: np.ndarray, plain: np.ndarray, num_units: int, seed: int, params: PromoteParams) -> Comparison:
    """A challenger of the one population and a champion of the other, on one split."""
    sides = [
        draw_equals(models, num_units, 2, np.random.Generator(np.random.Philox(seed)))[side]
        for side, models in enumerate((better, plain))
    ]
    names = tuple(map(str, range(plain.shape[-1])))
    challenger, champion = (table_of(side, names) for side in sides)
    return compare(challenger, champion, **params.bootstrap())


def _is_superior(against: Comparison, params: PromoteParams) -> bool:
    return all(finding.passed is not False for finding in RULES["superior"](against, params.limits(None)))


def main() -> None:
    """Prints a row for each population and size; the last line has the row that is farthest from a power of 80 %."""
    params, started = read_params().promote, time.perf_counter()
    populations = {"made up": make_population(), "real counts": read_counts().units("group")}
    print(f"{NUM_SPLITS} splits a row, error of a share of 0.8: {(0.16 / NUM_SPLITS) ** 0.5:.3f}")
    print("groups             predicted points  power there")
    rows = []
    for num_units in SIZES:
        for name, population in populations.items():
            rows.append(measure(population, num_units, params))
            print(f"{num_units:3} ({name:12})  {100 * rows[-1].predicted:14.2f}  {rows[-1].there:11.3f}", flush=True)
    worst = max(rows, key=lambda row: abs(row.there - POWER))
    print(f"{time.perf_counter() - started:.0f} s")
    print(json.dumps({"predicted_points": round(100 * worst.predicted, 2), "power_there": round(worst.there, 4)}))


if __name__ == "__main__":
    main()
