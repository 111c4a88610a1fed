"""Tests of the list of images that are shown."""

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from pipeline.manifest import Row
from pipeline.shortlist import Shortlist


def row(index: int) -> Row:
    """A row of a manifest."""
    return Row(f"s{index}", Path("image"), Path("mask"), "group", "test", 1, 2, "", "")


@given(st.lists(st.sampled_from([0.0, 0.25, 0.5]), max_size=9), st.integers(0, 4))
def test_the_first_are_kept_in_order(values: list[float], num_kept: int) -> None:
    """As many as asked for, as if all had been sorted; of equals the name decides; each with its own mask."""
    found = Shortlist(num_kept)
    for index, value in enumerate(values):
        found.add(value, row(index), np.full((1, 2), index, np.uint8))
    first = sorted((value, f"s{index}") for index, value in enumerate(values))[:num_kept]
    assert [(entry.key[0], entry.row.name) for entry in found.entries] == first
    for entry in found.entries:
        assert_array_equal(entry.pred, np.full((1, 2), int(entry.row.name[1:])))
