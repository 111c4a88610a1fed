"""Splits by group; a group keeps its split as data grows."""

import hashlib

SALT = "segline split 1"


def split_of(group: str, val: float, test: float) -> str:
    """The split "train", "val" or "test" of a group, from a hash of its name alone.

    `val` and `test` are the shares of the groups that go there, in [0, 1]; val + test < 1.
    """
    digest = hashlib.sha256(f"{SALT}\n{group}".encode()).digest()
    place = int.from_bytes(digest[:8]) / 2**64
    if place < test:
        return "test"
    return "val" if place < test + val else "train"
