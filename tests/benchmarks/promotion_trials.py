"""Pairs of models on drawn test splits, and how often the challenger is promoted: the core of `false_promotions`."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import permutations
from typing import Any, NamedTuple

import numpy as np

from pipeline.evaluation.bootstrap import Unit
from pipeline.evaluation.image_table import ImageTable
from pipeline.params import PromoteParams
from pipeline.promotion.comparison import Comparison, compare
from pipeline.promotion.noise_floor import noise_floor
from pipeline.promotion.rules import judge
from tests.benchmarks.real_counts import improve, share_that, table_of, true_mean_iou

FREE = {"class_margin": 2.0, "rare_class_margin": 2.0, "group_margin": 2.0}
"""Margins that never speak against a challenger."""
HEAD = f"{'split':16} {'pairs':38}  naive  superior  params.yaml  no group margin  no class margins  noise floor"


class Pair(NamedTuple):
    """Challenger and champion on a test split (U, K, K), and the other trainings on the same split."""

    challenger: np.ndarray
    champion: np.ndarray
    others: Sequence[np.ndarray] = ()


class Shares(NamedTuple):
    """Shares of the pairs in which the challenger was promoted.

    Attributes:
        naive: because its mean IoU is higher.
        superior: by the rule alone, without the margins of classes, groups and slices.
        whole: by the rule as params.yaml has it, with all margins; without the noise floor.
        no_group: as `whole`, without the margin of groups and slices.
        no_class: as `whole`, without the margins of classes.
        with_floor: by `superior` with the noise floor, without the margins; nan without other trainings.
    """

    naive: float
    superior: float
    whole: float
    no_group: float
    no_class: float
    with_floor: float


def draw_exchanged(population: np.ndarray, gain: float, num_units: int, num_pairs: int) -> Iterator[Pair]:
    """Splits of two trainings with sides changed at random in each unit; the challenger is truly better by `gain`.

    Args:
        population: (M, N, K, K) counts of M trainings on N units.
        gain: of mean IoU, over the population.
        num_units: of a split.
        num_pairs: to draw.
    """

    @cache
    def improved(one: int, other: int) -> np.ndarray:
        """The whole population, with both models better by the same share of their errors."""
        both = population[[one, other]]
        start = true_mean_iou(both.sum(axis=0))
        share = share_that(lambda share: true_mean_iou(improve(both, share).sum(axis=0)) - start, gain)
        return improve(both, share) if gain else both

    for number, (one, other) in enumerate(take(population, num_pairs)):
        random = np.random.Generator(np.random.Philox(number))
        drawn = random.integers(population.shape[1], size=num_units)
        changed = random.integers(2, size=(num_units, 1, 1)).astype(bool)
        better, plain = improved(min(one, other), max(one, other)), population[sorted((one, other))]
        others = np.delete(population, [one, other], axis=0)[:, drawn]
        challenger = np.where(changed, better[0][drawn], better[1][drawn])
        yield Pair(challenger, np.where(changed, plain[1][drawn], plain[0][drawn]), list(others))


def take(population: np.ndarray, num_pairs: int) -> Iterator[tuple[int, int]]:
    """The ordered pairs of trainings, over and over."""
    pairs = list(permutations(range(len(population)), 2))
    return (pairs[number % len(pairs)] for number in range(num_pairs))


def try_out(pairs: Iterator[Pair], params: PromoteParams, unit: Unit = "group", num_images: int = 1) -> Shares:
    """The shares of promotions; each group has `num_images` images of the same counts."""
    rows = []
    for seed, pair in enumerate(pairs):
        settings = params.bootstrap() | {"unit": unit, "seed": seed}
        tables = [_table(side, num_images) for side in (pair.challenger, pair.champion)]
        found = compare(tables[0], tables[1], **settings)
        floor = noise_floor([true_mean_iou(other) for other in pair.others]) if len(pair.others) > 1 else None
        free: tuple[dict[str, float], ...] = (
            {},
            FREE,
            {"group_margin": 2.0},
            FREE | {"group_margin": params.group_margin},
        )
        whole, superior, no_group, no_class = (_promotes(found, params, None, **margins) for margins in free)
        with_floor = np.nan if floor is None else _promotes(found, params, floor, **FREE)
        rows.append([found.difference.estimate > 0, superior, whole, no_group, no_class, with_floor])
    return Shares(*np.mean(rows, axis=0).tolist())


def row_of(split: str, pairs: str, shares: Shares) -> str:
    """A line under `HEAD`."""
    numbers = f"{shares.naive:6.3f} {shares.superior:9.3f} {shares.whole:12.3f} {shares.no_group:16.3f}"
    return f"{split:16} {pairs:38} {numbers} {shares.no_class:17.3f} {shares.with_floor:12.3f}"


def _table(sums: np.ndarray, num_images: int) -> ImageTable:
    names = tuple(f"class {id_}" for id_ in range(sums.shape[-1]))
    table = table_of(np.repeat(sums, num_images, axis=0), names)
    return replace(table, groups=tuple(f"{row // num_images:05}" for row in range(len(table))))


def _promotes(found: Comparison, params: PromoteParams, floor: float | None, **margins: Any) -> bool:
    limits = replace(params.limits(floor), noise_rule="note" if floor is None else "require")
    return judge("superior", replace(limits, **margins), found, found).promoted
