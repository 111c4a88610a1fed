"""Splits by group; a group keeps its split as data grows."""

import hashlib

SALT, RESERVE_SALT = "segline split 1", "segline reserve 1"
RESERVE = "reserve"
"""A split in the manifest alone: test groups that neither gate nor promotion looks at."""


def split_of(group: str, val: float, test: float) -> str:
    """The split "train", "val" or "test" of a group, from a hash of its name alone.

    `val` and `test` are the shares of the groups that go there, in [0, 1]; val + test < 1.
    """
    place = place_of(group)
    if place < test:
        return "test"
    return "val" if place < test + val else "train"


def place_of(group: str, salt: str = SALT) -> float:
    """The place of a group in [0, 1), from a hash of its name: test lies below val, train above."""
    return int.from_bytes(hashlib.sha256(f"{salt}\n{group}".encode()).digest()[:8]) / 2**64


def scored_as(group: str, split: str, reserve: float) -> str:
    """The split of a group in the manifest: of the test groups the share `reserve` is kept for `segline audit`."""
    return RESERVE if split == "test" and place_of(group, RESERVE_SALT) < reserve else split
