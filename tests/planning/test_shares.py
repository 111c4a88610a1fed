"""Tests of the shares of groups."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.dataset.contract import Sample
from pipeline.planning.shares import USUAL, choose_shares, count_by_split


def samples_of(groups: list[str], split: str = "") -> list[Sample]:
    """Two images of each group."""
    return [Sample(f"{group}{n}", Path(group), Path(group), group, split) for group in groups for n in range(2)]


@example({"05", "1", "\x1a", 8 * "0", 28 * "0", "1111", 7 * "0", "001", 12 * "0", "0", "\x1b", 5 * "0"})
@given(st.sets(st.text(min_size=1), min_size=3, max_size=60))
def test_each_split_has_groups(groups: set[str]) -> None:
    """Three groups or more are enough for three splits; from 15 on test has 5; training keeps the larger part."""
    shares = choose_shares(samples_of(sorted(groups)))
    assert min(shares.groups.values()) >= 1 and sum(shares.groups.values()) == len(groups)
    assert shares.groups["test"] >= min(5, len(groups) // 3)
    assert shares.groups["train"] >= len(groups) // 3
    assert shares.val > 0 and shares.val + shares.test < 1


def test_many_groups_keep_the_usual_shares() -> None:
    """The hash is even enough, so the shares say what they do."""
    shares = choose_shares(samples_of([f"g{n}" for n in range(400)]))
    assert (shares.val, shares.test) == (USUAL["val"], USUAL["test"])
    assert shares == count_by_split(samples_of([f"g{n}" for n in range(400)]), 0.15, 0.2)


@pytest.mark.parametrize("num_groups", [0, 1, 2])
def test_too_few_groups_keep_the_usual_shares(num_groups: int) -> None:
    """No shares help there."""
    shares = choose_shares(samples_of([f"g{n}" for n in range(num_groups)]))
    assert (shares.val, shares.test) == (USUAL["val"], USUAL["test"])


def test_frozen_groups_count() -> None:
    """Splits that are frozen need no further groups; free ones go to train then."""
    frozen = samples_of([f"t{n}" for n in range(9)], "test") + samples_of([f"v{n}" for n in range(9)], "val")
    shares = choose_shares(frozen + samples_of([f"g{n}" for n in range(20)]))
    assert shares.groups["test"] >= 9 and shares.groups["train"] >= 10
    assert choose_shares(frozen).images == {"train": 0, "val": 18, "test": 18}
