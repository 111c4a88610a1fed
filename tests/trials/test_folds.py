"""Tests of pipeline/trials/folds.py."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dataset.manifest import ManifestRow
from pipeline.errors import ParamsError
from pipeline.evaluation.image_table import ImageTable
from pipeline.trials.folds import choose_unit, join, make_folds, split_by_folds

SIZES = st.dictionaries(st.text(max_size=4), st.integers(1, 50), min_size=4, max_size=30)


def rows_of(*sizes: int) -> list[ManifestRow]:
    """Samples of groups "g0", "g1", ... with so many images; every fifth sample is in val."""
    names = [(f"g{group}-{index}", f"g{group}") for group, size in enumerate(sizes) for index in range(size)]
    return [
        ManifestRow(name, Path("i"), Path("m"), group, "train" if place % 5 else "val", 8, 8, "1", "2")
        for place, (name, group) in enumerate(names)
    ]


@given(SIZES, st.integers(2, 4), st.integers(0, 9), st.randoms())
def test_each_group_is_in_one_fold(sizes: dict[str, int], num_folds: int, seed: int, random: object) -> None:
    """No fold is empty, two differ by at most the largest group, and the order of the groups is nothing."""
    folds = make_folds(sizes, num_folds, seed)
    assert sorted(name for fold in folds for name in fold) == sorted(sizes) and len(folds) == num_folds and all(folds)
    totals = [sum(sizes[name] for name in fold) for fold in folds]
    assert max(totals) - min(totals) <= max(sizes.values())
    names = list(sizes)
    random.shuffle(names)  # type: ignore[attr-defined]
    assert make_folds({name: sizes[name] for name in names}, num_folds, seed) == folds


def test_the_seed_decides_between_groups_of_one_size() -> None:
    """The folds are these on every machine; another seed gives others."""
    sizes = dict.fromkeys("abcdef", 3)
    assert make_folds(sizes, 2, 0) == (("b", "d", "e"), ("a", "c", "f"))
    assert len({make_folds(sizes, 2, seed) for seed in range(9)}) > 1


@given(st.lists(st.integers(1, 9), min_size=5, max_size=12), st.integers(3, 5))
def test_a_fold_is_scored_by_what_did_not_learn_from_it(sizes: list[int], num_folds: int) -> None:
    """Each sample is `test` once, a group is whole in each manifest, and val is taken from the other folds."""
    rows = rows_of(*sizes)
    manifests = split_by_folds(rows, num_folds, "group", 0)
    assert len(manifests) == num_folds
    assert Counter(row.name for rows in manifests for row in rows if row.split == "test") == Counter(
        row.name for row in rows
    )
    for manifest in manifests:
        assert {row.split for row in manifest} == {"train", "val", "test"}
        assert len({(row.group, row.split) for row in manifest}) == len(sizes)


def test_val_of_a_fold_has_about_the_share_of_val() -> None:
    """Here a fifth of all images is val, and a fifth of those that a fold does not score."""
    (manifest, *_) = split_by_folds(rows_of(*[4] * 20), 4, "group", 0)
    assert Counter(row.split for row in manifest) == {"test": 20, "val": 12, "train": 48}


def test_images_are_folded_only_if_they_are_independent() -> None:
    """And only if groups are too few; the message says how many there are and what to do."""
    rows = rows_of(5, 5, 5)
    assert choose_unit(rows, 3, "image") == "group" and choose_unit(rows, 4, "image") == "image"
    with pytest.raises(
        ParamsError, match=r"--folds is 4, train and val have 3 groups; lower --folds, .*unit: image folds"
    ):
        choose_unit(rows, 4, "group")
    with pytest.raises(ParamsError, match=r"--folds is 16, train and val have 15 images; lower --folds, .* groups$"):
        choose_unit(rows, 16, "image")
    assert all(len({row.split for row in manifest}) == 3 for manifest in split_by_folds(rows, 4, "image", 0))


def test_a_fold_needs_two_groups_to_learn_from() -> None:
    """One of them chooses the best epoch."""
    with pytest.raises(ParamsError, match="fold 2 of 2 leaves the group 'g2' alone to train on, .* raise --folds"):
        split_by_folds(rows_of(2, 2, 5), 2, "group", 0)


def test_tables_are_joined_in_order_of_name() -> None:
    """The counts stay with their images."""
    side = np.full(1, 2)
    tables = [
        ImageTable(("sky",), (name,), (f"of {name}",), side, side, np.ones(1), np.full((1, 1, 1), count))
        for name, count in (("b", 3), ("a", 4))
    ]
    joined = join(tables)
    assert joined.names == ("a", "b") and joined.groups == ("of a", "of b")
    assert joined.matrices.ravel().tolist() == [4, 3]
