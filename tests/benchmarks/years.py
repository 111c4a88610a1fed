"""How often a year of weekly challengers, all equal to the champion, promotes one, and how far the best is flattered.

A year is one champion, one test split and 52 challengers. A challenger passes if `superior` does not object; class
margins, noise floor and anchor would refuse still more. A challenger whose difference is far too small to pass is not
compared in full.
"""

import json
import time
from typing import Any, NamedTuple

import numpy as np

from pipeline.evaluation.bootstrap import mean_over_classes, resampled_iou
from pipeline.params import PromoteParams, parse_params, read_params
from pipeline.promotion.claims.attempts import bound_optimism, chance_of_any
from pipeline.promotion.comparison import compare
from pipeline.promotion.rules import RULES
from tests.benchmarks.made_groups import draw_equals, make_population, mean_ious
from tests.benchmarks.real_counts import read_counts, table_of

NUM_YEARS, NUM_WEEKS = 300, 52
SIZES = (15, 40)
RESAMPLES = {1: 2000, NUM_WEEKS: 10_400}
"""By the number of attempts; params ask for that many."""
NEAR = {1: 1.0, NUM_WEEKS: 2.0}
"""Standard errors below which a challenger is not compared in full; `superior` asks for 1.7 and 3.4 at least."""


class Year(NamedTuple):
    """Measurements of a year, or their means over years.

    Attributes:
        naive: at least one challenger measured a higher mean IoU.
        promoted: at least one challenger was promoted.
        optimism: of the model that measures best, mean IoU above the mean of all.
        bound: `bound_optimism`.
    """

    naive: float
    promoted: float
    optimism: float
    bound: float


def live_years(population: np.ndarray, num_units: int, attempts: int) -> Year:
    """The means of many years on models drawn from (M, P, K, K)."""
    params, names = _params(attempts), tuple(map(str, range(population.shape[-1])))
    years = [_live(population, num_units, params, names, seed) for seed in range(NUM_YEARS)]
    return Year(*np.mean(years, axis=0).tolist())


def _params(attempts: int) -> PromoteParams:
    content: dict[str, Any] = read_params().model_dump(mode="json", by_alias=True)
    content["promote"] |= {"attempts": attempts, "num_resamples": RESAMPLES[attempts], "unit": "group"}
    return parse_params(content).promote


def _live(population: np.ndarray, num_units: int, params: PromoteParams, names: tuple[str, ...], seed: int) -> Year:
    random = np.random.Generator(np.random.Philox(seed))
    models = draw_equals(population, num_units, 1 + NUM_WEEKS, random)
    scores = mean_ious(models)
    errors = [_standard_error(model, models[0]) for model in models[1:]]
    near = [
        week for week in range(1, 1 + NUM_WEEKS) if scores[week] - scores[0] > NEAR[params.attempts] * errors[week - 1]
    ]
    tables = {week: table_of(models[week], names) for week in (0, *near)}
    promoted = any(_passes(tables[week], tables[0], params) for week in near)
    typical = float(np.mean(errors))
    flattered = scores.max() - scores.mean()
    return Year(scores[1:].max() > scores[0], promoted, flattered, bound_optimism(typical, len(models)))


def _standard_error(one: np.ndarray, other: np.ndarray) -> float:
    """Jackknife of the difference of two models (U, K, K) (Efron and Tibshirani, 1993, chapter 11)."""
    left_out = 1 - np.eye(len(one), dtype=np.int32)
    difference = np.subtract(*(mean_over_classes(resampled_iou(model, left_out)) for model in (one, other)))
    return float(np.sqrt((len(difference) - 1) * difference.var()))


def _passes(challenger: Any, champion: Any, params: PromoteParams) -> bool:
    against = compare(challenger, champion, **params.bootstrap())
    return all(finding.passed is not False for finding in RULES["superior"](against, params.limits(None)))


def measure_years() -> dict[str, float]:
    """Prints a row for each population, size and number of attempts.

    Returns:
        The largest share of years with a promotion, with `attempts: 52`, as "year_15" and "year_40".
    """
    level = 1 - read_params().promote.confidence
    populations = {"made up": make_population(), "real counts": read_counts().units("group")}
    error = (0.0475 / NUM_YEARS) ** 0.5
    print(f"{NUM_YEARS} years of {NUM_WEEKS} equal challengers a row; error of a share of 0.05: {error:.3f}")
    print("groups                attempts  naive  promoted  by Dunnett  best flattered by  bound (points)")
    told = dict[str, float]()
    for num_units in SIZES:
        for name, population in populations.items():
            for attempts in (1, NUM_WEEKS):
                year = live_years(population, num_units, attempts)
                chance = chance_of_any([level / attempts] * NUM_WEEKS, [1.0] * NUM_WEEKS)
                print(
                    f"{num_units:3} ({name:12})  {attempts:11}  {year.naive:.3f}  {year.promoted:8.3f}  {chance:10.3f}"
                    f"  {100 * year.optimism:17.2f}  {100 * year.bound:5.2f}",
                    flush=True,
                )
                if attempts == NUM_WEEKS:
                    told[f"year_{num_units}"] = max(year.promoted, told.get(f"year_{num_units}", 0.0))
    return told


def main() -> None:
    """Prints the rows, then the shares as JSON."""
    started = time.perf_counter()
    told = measure_years()
    print(f"{time.perf_counter() - started:.0f} s")
    print(json.dumps({name: round(share, 4) for name, share in told.items()}))


if __name__ == "__main__":
    main()
