"""Tests of the keyed random streams."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.importers.demo.random_stream import RandomStream


def test_a_key_means_the_same_numbers_for_ever() -> None:
    """The stream of a key is pinned: another one would change the demo data set."""
    rng = RandomStream(0, "abbey")
    assert [rng.integer(0, 999) for _ in range(4)] == [980, 817, 464, 591]


@given(low=st.integers(-50, 50), span=st.integers(0, 50), seed=st.integers())
def test_draws_stay_in_their_range(low: int, span: int, seed: int) -> None:
    """Whole numbers include both ends, real ones the lower only."""
    rng = RandomStream(seed)
    assert low <= rng.integer(low, low + span) <= low + span
    assert low <= rng.uniform(low, low + span + 1) < low + span + 1


def test_bytes_are_spread_evenly() -> None:
    """A million bytes have the mean and the deviation of a uniform distribution, in the shape asked for."""
    values = RandomStream("bytes").bytes((1000, 1001))
    assert values.shape == (1000, 1001) and values.dtype == np.uint8
    assert abs(values.mean() - 127.5) < 0.5 and abs(values.std() - 73.9) < 0.5


def test_another_key_gives_other_numbers() -> None:
    """A part of a key changes the stream."""
    assert RandomStream(0, "a", 1).bytes((16,)).tolist() != RandomStream(0, "a", 2).bytes((16,)).tolist()
    assert RandomStream(1).choice("abcdefgh") in "abcdefgh" and not RandomStream(1).happens(0.0)
