"""Tests of the list of images that are shown."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from pipeline.evaluation.overlays import PANEL_PX, Picture, Shortlist


def flat(index: int, size: tuple[int, int]) -> Picture:
    """A picture of one colour, one class and another prediction, with which it is known again."""
    shapes = enumerate(((*size, 3), size, size))
    return Picture(*(np.full(shape, index + 10 * place, np.uint8) for place, shape in shapes))


@given(st.lists(st.sampled_from([0.0, 0.25, 0.5]), max_size=9), st.integers(0, 4))
def test_the_first_are_kept_in_order(values: list[float], num_kept: int) -> None:
    """As many as asked for, as if all had been sorted; of equals the name decides; each with its own picture."""
    found = Shortlist(num_kept)
    for index, value in enumerate(values):
        found.add(value, f"s{index}", flat(index, (1, 2)))
    first = sorted((value, f"s{index}") for index, value in enumerate(values))[:num_kept]
    assert [(entry.value, entry.name) for entry in found.entries] == first
    for entry in found.entries:
        for kept, offered in zip(entry.picture, flat(int(entry.name[1:]), (1, 2)), strict=True):
            assert_array_equal(kept, offered)


def test_pictures_are_kept_as_small_as_they_are_drawn() -> None:
    """Of a large picture only what is drawn of it stays in memory."""
    found = Shortlist(1)
    found.add(0, "large", flat(1, (2 * PANEL_PX, PANEL_PX)))
    (entry,) = found.entries
    assert [part.shape[:2] for part in entry.picture] == [(PANEL_PX, PANEL_PX // 2)] * 3
    assert [int(part.max()) for part in entry.picture] == [1, 11, 21]
