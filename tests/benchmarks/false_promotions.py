"""A/A and more: how often a model that is no better is promoted, one that is better, and one that does harm.

Two kinds of equals. Exchanged: of two trainings each unit's counts change sides at random, so that both sides have the
same true mean IoU. Another seed: two trainings that differ in the seed only; in half of the pairs the challenger is
truly better, by luck. The noise floor is measured on the other trainings, scored on the same split. The first rows are
of real counts; `made_promotions` has those of made-up groups and of harm.
"""

import json
import time
from collections.abc import Iterator

import numpy as np

from pipeline.params import read_params
from tests.benchmarks.made_promotions import measure_made
from tests.benchmarks.promotion_trials import HEAD, Pair, draw_exchanged, row_of, take, try_out
from tests.benchmarks.real_counts import read_counts, true_mean_iou
from tests.benchmarks.years import measure_years

NUM_PAIRS = 1008
"""A multiple of the 56 ordered pairs of 8 trainings."""
GAINS = (0.005, 0.01, 0.02)


def draw_retrained(population: np.ndarray) -> Iterator[Pair]:
    """Splits of two trainings as they are, both ways round, with all others."""
    for number, (one, other) in enumerate(take(population, NUM_PAIRS)):
        random = np.random.Generator(np.random.Philox(number))
        models = population[:, random.integers(population.shape[1], size=population.shape[1])]
        yield Pair(models[one], models[other], list(np.delete(models, [one, other], axis=0)))


def main() -> None:
    """Prints the shares of both kinds of equals and the power, drawing groups and drawing images, then made-up rows."""
    counts, params, started = read_counts(), read_params().promote, time.perf_counter()
    told: dict[str, float] = {}
    print(f"{NUM_PAIRS} pairs of {len(counts.matrices)} trainings; error of 0.05: {(0.0475 / NUM_PAIRS) ** 0.5:.3f}")
    print(f"mean IoU {', '.join(f'{true_mean_iou(model):.4f}' for model in counts.matrices)}")
    print(HEAD)
    for unit in ("group", "image"):
        population = counts.units(unit)
        num_units = population.shape[1]
        split = f"{num_units} real {unit}s"
        equal = try_out(draw_exchanged(population, 0.0, num_units, NUM_PAIRS), params)
        print(row_of(split, "equal, exchanged", equal), flush=True)
        seeds = try_out(draw_retrained(population), params)
        print(row_of(split, "another seed, about half truly better", seeds), flush=True)
        for gain in GAINS:
            power = try_out(draw_exchanged(population, gain, num_units, NUM_PAIRS), params)
            print(row_of(split, f"better by {100 * gain:g} points", power), flush=True)
        if unit == params.unit:
            told = {"superior": equal.superior, "naive": equal.naive, "pairs": NUM_PAIRS}
            told |= {"superior_retrained": seeds.with_floor, "naive_retrained": seeds.naive}
    told |= measure_made(params) | measure_years()
    print(f"{time.perf_counter() - started:.0f} s")
    print(json.dumps({name: round(share, 4) for name, share in told.items()}))


if __name__ == "__main__":
    main()
