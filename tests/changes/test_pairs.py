"""Tests of pipeline/changes/pairs.py."""

from pipeline.changes.pairs import Move, Pair, class_changes, moved_groups, pair_samples
from pipeline.dataset.contract import ClassList
from tests.changes.two_versions import labelled, snapshot


def test_a_sample_is_found_by_its_image() -> None:
    """Names that moved on by one are renamings; what has no partner was added or removed."""
    before = snapshot(a=labelled("A", "1"), b=labelled("B", "2"), c=labelled("C", "3"))
    after = snapshot(b=labelled("A", "1"), c=labelled("B", "9"), d=labelled("D", "4"))
    pairs = pair_samples(before, after)
    assert pairs.kept == (Pair("a", "b"), Pair("b", "c"))
    assert (pairs.added, pairs.removed) == (("d",), ("c",))


def test_a_sample_whose_image_is_another_is_found_by_its_name() -> None:
    """Of two copies of an image the one with the same name, then the one with the same mask is taken."""
    before = snapshot(a=labelled("A", "1"), b=labelled("B", "1"), c=labelled("B", "2"))
    after = snapshot(a=labelled("Z", "1"), b=labelled("B", "2"), x=labelled("B", "2"))
    assert pair_samples(before, after).kept == (Pair("a", "a"), Pair("b", "b"), Pair("c", "x"))


def test_samples_without_an_image_are_not_alike() -> None:
    """Only their name tells them apart."""
    before, after = snapshot(a=labelled("", "1")), snapshot(b=labelled("", "1"))
    assert pair_samples(before, after) == ((), ("b",), ("a",))


def test_groups_that_moved() -> None:
    """A group in two splits is named with both; new groups did not move."""
    before = snapshot(a=labelled("A", "1", "test", "g"), b=labelled("B", "1", "train", "h"))
    after = snapshot(
        a=labelled("A", "1", "test", "g"),
        b=labelled("B", "1", "train", "h"),
        c=labelled("C", "1", "train", "g"),
        d=labelled("D", "1", "val", "new"),
    )
    assert moved_groups(before, after) == [Move("g", "test", "test, train")]


def test_classes_that_changed() -> None:
    """Added, removed, renamed, with another colour or id; a class whose id went to a new name is a renamed one."""
    before = ClassList(("sky", "road", "car", "old"), ((0, 0, 0), (1, 1, 1), (2, 2, 2), (3, 3, 3)), 255)
    after = ClassList(
        ("sky", "street", "new", "car", "more"), ((9, 0, 0), (1, 1, 1), (8, 8, 8), (2, 2, 2), (4, 4, 4)), 255
    )
    assert class_changes(before, after) == {
        "sky": "colour #090000, was #000000",
        "street": "renamed, was road",
        "new": "added",
        "car": "id 3, was 2",
        "more": "added",
        "old": "removed",
    }
    assert not any(class_changes(before, before).values())
