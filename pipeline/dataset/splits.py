"""Splits by group that stay where they are as data grows."""

import hashlib

SALT = "segline split 1"


def split_of(group: str, val: float, test: float) -> str:
    """The split of a group, from a hash of its name alone: adding groups moves none of the old ones.

    Args:
        group: name of the group.
        val: share of the groups that go to "val", in [0, 1].
        test: share of the groups that go to "test"; val + test < 1.

    Returns:
        "train", "val" or "test".
    """
    digest = hashlib.sha256(f"{SALT}\n{group}".encode()).digest()
    place = int.from_bytes(digest[:8]) / 2**64
    if place < test:
        return "test"
    return "val" if place < test + val else "train"
