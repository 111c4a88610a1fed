"""A/A: how often a model that is no better is promoted, and how often one that is better by 0.5, 1 or 2 points.

Two kinds of equals. Exchanged: of two trainings each unit's counts change sides at random, so that both sides have the
same true mean IoU. Retrained: two trainings that differ in the seed only; one may be truly better, by luck, and the
noise floor is there for that. It is measured on the other trainings, scored on the same split, as `promote` has it.
"""

import json
import time
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import permutations
from typing import NamedTuple

import numpy as np

from pipeline.evaluation.bootstrap import Unit
from pipeline.params import PromoteParams, read_params
from pipeline.promotion.comparison import Comparison, compare
from pipeline.promotion.findings import Limits
from pipeline.promotion.noise_floor import noise_floor
from pipeline.promotion.rules import judge
from tests.benchmarks.real_counts import RealCounts, improve, read_counts, share_that, table_of, true_mean_iou

NUM_PAIRS = 1008
"""A multiple of the 56 ordered pairs of 8 trainings."""
GAINS = (0.005, 0.01, 0.02)
NEVER = 2.0
"""A class margin that never speaks against a challenger."""


class Pair(NamedTuple):
    """Challenger and champion on a test split (U, K, K), and the other trainings on the same split."""

    challenger: np.ndarray
    champion: np.ndarray
    others: Sequence[np.ndarray]


class Shares(NamedTuple):
    """Shares of the pairs in which the challenger was promoted.

    Attributes:
        naive: because its mean IoU is higher.
        superior: by the rule, without the margin of the classes.
        whole: by the rule as params.yaml has it, with the margin of the classes; without the noise floor.
        with_floor: by `superior` with the noise floor, without the margin of the classes.
    """

    naive: float
    superior: float
    whole: float
    with_floor: float


def draw_exchanged(population: np.ndarray, gain: float) -> Iterator[Pair]:
    """Splits of two trainings with sides changed at random in each unit; the challenger is truly better by `gain`."""

    @cache
    def improved(one: int, other: int) -> np.ndarray:
        """The whole population, with both models better by the same share of their errors."""
        both = population[[one, other]]
        start = true_mean_iou(both.sum(axis=0))
        share = share_that(lambda share: true_mean_iou(improve(both, share).sum(axis=0)) - start, gain)
        return improve(both, share) if gain else both

    for number, (one, other) in enumerate(_take(population)):
        random = np.random.Generator(np.random.Philox(number))
        drawn = random.integers(population.shape[1], size=population.shape[1])
        changed = random.integers(2, size=(population.shape[1], 1, 1)).astype(bool)
        better, plain = improved(min(one, other), max(one, other)), population[sorted((one, other))]
        yield Pair(
            np.where(changed, better[0][drawn], better[1][drawn]),
            np.where(changed, plain[1][drawn], plain[0][drawn]),
            (),
        )


def draw_retrained(population: np.ndarray) -> Iterator[Pair]:
    """Splits of two trainings as they are, both ways round, with all others."""
    for number, (one, other) in enumerate(_take(population)):
        random = np.random.Generator(np.random.Philox(number))
        models = population[:, random.integers(population.shape[1], size=population.shape[1])]
        yield Pair(models[one], models[other], list(np.delete(models, [one, other], axis=0)))


def _take(population: np.ndarray) -> Iterator[tuple[int, int]]:
    pairs = list(permutations(range(len(population)), 2))
    return (pairs[number % len(pairs)] for number in range(NUM_PAIRS))


def try_out(pairs: Iterator[Pair], counts: RealCounts, params: PromoteParams) -> Shares:
    """The shares of promotions."""
    rows = []
    for seed, pair in enumerate(pairs):
        tables = [table_of(side, counts.class_names) for side in (pair.challenger, pair.champion)]
        found = compare(
            tables[0],
            tables[1],
            unit="group",
            num_resamples=params.num_resamples,
            seed=seed,
            confidence=params.confidence,
            min_units=params.min_units,
        )
        floor = noise_floor([true_mean_iou(other) for other in pair.others]) if len(pair.others) else None
        settings = ((NEVER, None), (params.class_margin, None), (NEVER, floor))
        rows.append([found.difference.estimate > 0, *(_promotes(found, params, *setting) for setting in settings)])
    return Shares(*np.mean(rows, axis=0).tolist())


def _promotes(found: Comparison, params: PromoteParams, class_margin: float, floor: float | None) -> bool:
    limits = Limits(params.margin, class_margin, floor, "require")
    return judge("superior", limits, found, found).promoted


def _row(unit: Unit, population: np.ndarray, name: str, shares: Shares, has_floor: bool) -> str:
    floor = f"{shares.with_floor:23.3f}" if has_floor else f"{'-':>23}"
    head = f"{unit} ({population.shape[1]})"
    return f"{head:12} {name:32} {shares.naive:6.3f} {shares.superior:9.3f} {shares.whole:24.3f} {floor}"


def main() -> None:
    """Prints the shares of both kinds of equals and the power, drawing groups and drawing images."""
    counts, params, started = read_counts(), read_params().promote, time.perf_counter()
    told: dict[str, float] = {}
    print(
        f"{NUM_PAIRS} pairs of {len(counts.matrices)} trainings a row; error of 0.05: {(0.0475 / NUM_PAIRS) ** 0.5:.3f}"
    )
    print(f"mean IoU {', '.join(f'{true_mean_iou(model):.4f}' for model in counts.matrices)}")
    print(f"{'unit (drawn)':12} {'pairs':32}  naive  superior  superior + class margin  superior + noise floor")
    for unit in ("group", "image"):
        population = counts.units(unit)
        equal = try_out(draw_exchanged(population, 0.0), counts, params)
        print(_row(unit, population, "equal, exchanged", equal, False), flush=True)
        seeds = try_out(draw_retrained(population), counts, params)
        print(_row(unit, population, "equal, retrained", seeds, True), flush=True)
        for gain in GAINS:
            power = try_out(draw_exchanged(population, gain), counts, params)
            print(_row(unit, population, f"better by {100 * gain:g} points", power, False), flush=True)
        if unit == params.unit:
            told = {"superior": equal.superior, "naive": equal.naive, "pairs": NUM_PAIRS}
            told |= {"superior_retrained": seeds.with_floor, "naive_retrained": seeds.naive}
    print(f"{time.perf_counter() - started:.0f} s")
    print(json.dumps({name: round(share, 4) for name, share in told.items()}))


if __name__ == "__main__":
    main()
