"""Pictures that are in a data set twice: the same file, or nearly the same picture by a perceptual hash.

A picture in two splits is a leak. The copy in the split that comes first in `KEEP_ORDER` is kept, and a finding is
about the other one: a copy of a test image in train makes the score too good, so the one in train has to go.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

KEEP_ORDER = ("test", "val", "train")
FLAT_BITS = 8
"""A hash in which no more than this many bits differ from the rest is that of a flat picture."""

KNOWN, NONE = 1 << 8, 1 << 16
"""Added to the bits of a pair of known groups, so that any other pair ranks first; a rank above all others."""
Look = tuple[int, bool, int]
"""Place in `KEEP_ORDER`, known, hash; pictures with the same three are compared once."""


@dataclass(frozen=True, slots=True)
class HashedImage:
    """The MD5 and the 64-bit difference hash of a sample's image; `known`: its group may be in several splits."""

    name: str
    split: str
    known: bool
    md5: str
    hash: int


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A picture to leave out.

    Attributes:
        name: of its sample.
        of, split: name and split of the sample to keep.
        num_bits: number of bits of the difference hash that differ.
        known: the groups of both are known to be in several splits.
    """

    name: str
    of: str
    split: str
    num_bits: int
    known: bool


def duplicates_across(pictures: Sequence[HashedImage]) -> list[Duplicate]:
    """Every picture whose file is also in a split that comes before its own in `KEEP_ORDER`, in order of name."""
    duplicates = []
    for same in _by_md5(pictures):
        first: dict[tuple[int, bool], str] = {}
        for picture in same:
            first.setdefault((_place(picture), picture.known), picture.name)
        for picture in same:
            keep = [(picture.known and known, place, of) for (place, known), of in first.items()]
            if keep := [one for one in keep if one[1] < _place(picture)]:
                is_known, place, of = min(keep)
                duplicates.append(Duplicate(picture.name, of, KEEP_ORDER[place], 0, is_known))
    return sorted(duplicates, key=lambda duplicate: duplicate.name)


def duplicates_within(pictures: Sequence[HashedImage]) -> list[Duplicate]:
    """Every picture whose file is in its own split already, under a name that comes before, in order of name."""
    duplicates = []
    for same in _by_md5(pictures):
        first: dict[str, HashedImage] = {}
        for picture in same:
            of = first.setdefault(picture.split, picture)
            if of is not picture:
                duplicates.append(Duplicate(picture.name, of.name, of.split, 0, False))
    return sorted(duplicates, key=lambda duplicate: duplicate.name)


def near_duplicates(pictures: Sequence[HashedImage], max_bits: int) -> list[Duplicate]:
    """Every picture that looks like one in a split that comes before its own in `KEEP_ORDER`, in order of name.

    Each has the nearest picture of which at most `max_bits` of the 64 bits differ; one that is not known to be in
    several splits comes first. Flat pictures are left out, for they would all look alike.

    Compares every pair, a row of the table of pairs at a time: 100,000 pictures take about 5 s and no more memory
    than the list of them, and a set of which many look alike takes no longer than any other.
    """
    looks = sorted({(_place(one), one.known, one.hash) for one in pictures if not is_flat(one.hash)})
    nearest = _nearest(looks, max_bits)
    names: dict[Look, list[str]] = defaultdict(list)
    for picture in sorted(pictures, key=lambda picture: picture.name):
        names[_place(picture), picture.known, picture.hash].append(picture.name)
    duplicates = []
    for look, (of, num_bits) in nearest.items():
        known = look[1] and of[1]
        duplicates += [Duplicate(name, names[of][0], KEEP_ORDER[of[0]], num_bits, known) for name in names[look]]
    return sorted(duplicates, key=lambda duplicate: duplicate.name)


def is_flat(hash_: int) -> bool:
    """True for the hash of a picture without structure: (nearly) no gradient, or (nearly) all in one direction."""
    num_ones = hash_.bit_count()
    return min(num_ones, 64 - num_ones) <= FLAT_BITS


def _nearest(looks: list[Look], max_bits: int) -> dict[Look, tuple[Look, int]]:
    """For each of the sorted looks, the nearest look of a split before within `max_bits`, and the bits between."""
    places = np.array([look[0] for look in looks], np.int8)
    known = np.array([look[1] for look in looks], bool)
    hashes = np.array([look[2] for look in looks], np.uint64)
    least = np.full(len(looks), NONE, np.int64)
    of = np.zeros(len(looks), np.int64)
    for row, (place, _, _) in enumerate(looks):
        start = int(np.searchsorted(places, place, side="right"))
        bits = np.bitwise_count(hashes[start:] ^ hashes[row])
        near = np.flatnonzero(bits <= max_bits)
        rank = bits[near] + KNOWN * (known[row] & known[start + near])
        better = near[rank < least[start + near]] + start
        least[better], of[better] = rank[rank < least[start + near]], row
    return {looks[i]: (looks[of[i]], int(least[i]) % KNOWN) for i in np.flatnonzero(least < NONE)}


def _by_md5(pictures: Sequence[HashedImage]) -> list[list[HashedImage]]:
    """The pictures of each file that occurs more than once, in order of name."""
    groups: dict[str, list[HashedImage]] = defaultdict(list)
    for picture in sorted(pictures, key=lambda picture: picture.name):
        groups[picture.md5].append(picture)
    return [same for same in groups.values() if len(same) > 1]


def _place(picture: HashedImage) -> int:
    return KEEP_ORDER.index(picture.split)
