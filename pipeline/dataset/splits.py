"""Splits by group; a group keeps its split as data grows."""

import hashlib

SALT = "segline split 1"


def split_of(group: str, val: float, test: float) -> str:
    """The split "train", "val" or "test" of a group, from a hash of its name alone.

    `val` and `test` are the shares of the groups that go there, in [0, 1]; val + test < 1.
    """
    place = place_of(group)
    if place < test:
        return "test"
    return "val" if place < test + val else "train"


def place_of(group: str) -> float:
    """The place of a group in [0, 1), from a hash of its name: test lies below val, train above."""
    return int.from_bytes(hashlib.sha256(f"{SALT}\n{group}".encode()).digest()[:8]) / 2**64
