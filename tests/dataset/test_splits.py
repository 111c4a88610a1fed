"""Tests of splits by group."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from pipeline.dataset.splits import scored_as, split_of


@given(group=st.text(), val=st.floats(0, 0.4), more=st.floats(0, 0.1), test=st.floats(0, 0.4))
def test_more_for_val_moves_groups_from_train_only(group: str, val: float, more: float, test: float) -> None:
    """A larger share of val takes groups from train; test stays as it is."""
    before, after = split_of(group, val, test), split_of(group, val + more, test)
    assert after == before or (before, after) == ("train", "val")


def test_shares_are_kept() -> None:
    """Of many groups about as many as asked for are in each split."""
    counts = Counter(split_of(f"group {number}", val=0.1, test=0.2) for number in range(20_000))
    assert abs(counts["val"] / 20_000 - 0.1) < 0.01 and abs(counts["test"] / 20_000 - 0.2) < 0.01


def test_places_never_change() -> None:
    """The hash is pinned: another one would move groups that models were trained on into test."""
    assert [split_of(name, 0.15, 0.2) for name in ("abbey", "birch", "kiln", "york")] == [
        "train",
        "test",
        "val",
        "train",
    ]


def test_reserve_is_a_share_of_the_test_groups() -> None:
    """Another hash places it, so frozen test groups have their share too; no other split changes."""
    names = [f"group {number}" for number in range(20_000)]
    counts = Counter(scored_as(name, split_of(name, 0.1, 0.2), 0.25) for name in names)
    assert abs(counts["reserve"] / 20_000 - 0.05) < 0.01 and abs(counts["test"] / 20_000 - 0.15) < 0.01
    assert {scored_as(name, split, 0.9) for name in names[:50] for split in ("train", "val")} == {"train", "val"}
    assert {scored_as(name, "test", 0.0) for name in names} == {"test"}
