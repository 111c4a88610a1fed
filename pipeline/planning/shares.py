"""Shares of the groups for val and test such that each split gets enough of them."""

from collections.abc import Sequence
from typing import NamedTuple

from pipeline.dataset.contract import SPLITS, Sample
from pipeline.dataset.splits import place_of, split_of

USUAL = {"val": 0.15, "test": 0.2}
ENOUGH = {"val": 2, "test": 5}
"""Groups below which a split is filled up: without 5 test groups there is no interval."""

MAX_ENOUGH = max(ENOUGH.values())


class Shares(NamedTuple):
    """Shares for `validate.split`, and the numbers that follow from them.

    Attributes:
        groups: number of groups by split, frozen ones too.
        images: number of images by split.
    """

    val: float
    test: float
    groups: dict[str, int]
    images: dict[str, int]


def choose_shares(samples: Sequence[Sample]) -> Shares:
    """The usual shares if they give each split about as many groups as they say, else the nearest that do.

    A group's place is the hash of its name, so few groups may all fall into one split. From 15 groups on test gets 5 or
    more; fewer groups give a third to test and a sixth to val.
    """
    free = sorted(place_of(group) for group in {sample.group for sample in samples if not sample.split})
    if len(free) < len(SPLITS):
        return count_by_split(samples, **USUAL)
    num_val, most = _wanted(free, samples, "val"), len(free) - len(free) // len(SPLITS)  # train keeps a third
    test = _cut(free, 0, _wanted(free, samples, "test"), USUAL["test"], most - num_val)
    num_test = sum(place < test for place in free)
    val = _cut(free, num_test, num_val, test + USUAL["val"], most - num_test) - test
    return count_by_split(samples, round(val, 8), round(test, 8))


def count_by_split(samples: Sequence[Sample], val: float, test: float) -> Shares:
    """The numbers of groups and images that the shares give."""
    splits = [sample.split or split_of(sample.group, val, test) for sample in samples]
    placed = list(zip(samples, splits, strict=True))
    return Shares(
        *(val, test),
        {name: len({sample.group for sample, split in placed if split == name}) for name in SPLITS},
        {name: splits.count(name) for name in SPLITS},
    )


def _wanted(free: Sequence[float], samples: Sequence[Sample], split: str) -> int:
    """Number of the free groups for a split."""
    num_frozen = len({sample.group for sample in samples if sample.split == split})
    least = min(ENOUGH[split], len(free) // (3 if split == "test" else 6))
    return max(0, max(round(USUAL[split] * len(free)), least, min(1, len(free))) - num_frozen)


def _cut(free: Sequence[float], first: int, number: int, usual: float, most: int) -> float:
    """The end of a split that begins at the place `first`: the usual one, or one after exactly `number` groups.

    The usual one must give it about that number of groups, and at most `most`.
    """
    found = sum(place < usual for place in free) - first
    if not number or max(min(number, MAX_ENOUGH), 0.75 * number) <= found <= min(1.5 * number, most):
        return usual
    low, high = (free[first + number - 1] if first + number else 0.0), free[first + number]
    digits = next(digits for digits in range(1, 9) if low < round((low + high) / 2, digits) <= high)
    return round((low + high) / 2, digits)
