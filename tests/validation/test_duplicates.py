"""Exact and near-duplicates, within and across splits."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.validation.duplicates import (
    KEEP_ORDER,
    Duplicate,
    HashedImage,
    duplicates_across,
    duplicates_within,
    is_flat,
    near_duplicates,
)

HASH = 0x0F1E2D3C4B5A6978


def picture(name: str, split: str, *, known: bool = False, md5: str = "", hash_: int = HASH) -> HashedImage:
    """A picture whose file is like no other."""
    return HashedImage(name, split, known, md5 or name, hash_)


@st.composite
def near_pictures(draw: st.DrawFn) -> list[HashedImage]:
    """Pictures of few looks, so that many are near each other."""
    bits = st.lists(st.integers(0, 63), max_size=4)
    made = st.tuples(st.sampled_from(KEEP_ORDER), st.booleans(), st.sampled_from([HASH, HASH ^ 0xFFFF, 0]), bits)
    pictures = []
    for number, (split, known, hash_, flips) in enumerate(draw(st.lists(made, max_size=12))):
        for bit in flips:
            hash_ ^= 1 << bit
        pictures.append(picture(f"p{number:02}", split, known=known, hash_=hash_))
    return pictures


def pairs(pictures: list[HashedImage], max_bits: int) -> Iterator[tuple[HashedImage, HashedImage]]:
    """The definition: each pair of near pictures, first the one to keep."""
    for one, other in combinations(pictures, 2):
        keep, leave = sorted((one, other), key=lambda picture: KEEP_ORDER.index(picture.split))
        near = (keep.hash ^ leave.hash).bit_count() <= max_bits and not (is_flat(keep.hash) or is_flat(leave.hash))
        if near and keep.split != leave.split:
            yield keep, leave


@given(near_pictures(), st.integers(0, 8))
def test_near_duplicates_are_those_of_the_definition(pictures: list[HashedImage], max_bits: int) -> None:
    """The table of rows finds the pictures that a loop over all pairs finds, each with a nearest one."""
    nearest: dict[str, tuple[bool, int]] = {}
    for keep, leave in pairs(pictures, max_bits):
        rank = (keep.known and leave.known, (keep.hash ^ leave.hash).bit_count())
        nearest[leave.name] = min(rank, nearest.get(leave.name, rank))
    near = near_duplicates(pictures, max_bits)
    assert {one.name: (one.known, one.num_bits) for one in near} == nearest
    by_name = {one.name: one for one in pictures}
    assert all((by_name[one.name].hash ^ by_name[one.of].hash).bit_count() == one.num_bits for one in near)
    assert all(by_name[one.of].split == one.split for one in near)


@given(near_pictures(), st.randoms())
def test_order_of_pictures_does_not_matter(pictures: list[HashedImage], random: np.random.Generator) -> None:
    """The same set in another order gives the same findings."""
    shuffled = list(pictures)
    random.shuffle(shuffled)
    for find in (duplicates_across, duplicates_within, lambda these: near_duplicates(these, 4)):
        assert find(pictures) == find(shuffled)


def test_test_is_kept_over_val_over_train() -> None:
    """Of one file in three splits, train's and val's are one too many."""
    pictures = [picture(name, name, md5="same") for name in ("train", "val", "test")]
    expected = [Duplicate(name, "test", "test", 0, False) for name in ("train", "val")]
    assert duplicates_across(pictures) == expected
    assert near_duplicates(pictures, 0) == expected


def test_known_groups_make_a_duplicate_known() -> None:
    """A duplicate is known when both are; an unknown one is reported before a known one."""
    both = [picture("a", "train", known=True, md5="x"), picture("b", "test", known=True, md5="x")]
    assert [one.known for one in duplicates_across(both)] == [True]
    assert [one.known for one in near_duplicates(both, 0)] == [True]
    three = [*both, picture("c", "val", md5="x")]
    assert [(one.name, one.of, one.known) for one in duplicates_across(three)] == [("a", "c", False), ("c", "b", False)]
    assert [(one.name, one.of, one.known) for one in near_duplicates(three, 0)] == [
        ("a", "c", False),
        ("c", "b", False),
    ]


def test_duplicates_within_a_split_keep_the_first() -> None:
    """Of one file three times in train, the second and third by name are extra; test's does not count."""
    pictures = [picture(name, "train", md5="same") for name in ("c", "a", "b")] + [picture("d", "test", md5="same")]
    assert [(one.name, one.of) for one in duplicates_within(pictures)] == [("b", "a"), ("c", "a")]


@pytest.mark.parametrize("hash_", [0, 1, 0b1111, 2**64 - 1, 2**64 - 2])
def test_flat_pictures_do_not_look_alike(hash_: int) -> None:
    """A hash that is nearly constant says nothing; HASH says much."""
    assert is_flat(hash_) and not is_flat(HASH)
    assert near_duplicates([picture("a", "train", hash_=hash_), picture("b", "test", hash_=hash_)], 4) == []


def test_many_pictures_take_seconds() -> None:
    """20,000 pictures, all nearly alike, are compared in a moment."""
    flips = np.random.default_rng(0).integers(0, 64, (20_000, 2))
    pictures = [
        picture(str(number), KEEP_ORDER[number % 3], hash_=HASH ^ (1 << int(one)) ^ (1 << int(other)))
        for number, (one, other) in enumerate(flips)
    ]
    assert len(near_duplicates(pictures, 4)) == sum(one.split != "test" for one in pictures)
