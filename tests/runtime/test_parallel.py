"""Tests of running many small jobs."""

import pytest

from pipeline.runtime.parallel import CHUNK, in_threads


def test_results_come_in_order() -> None:
    """More items than a chunk give all results, in the order of the items."""
    items = list(range(3 * CHUNK + 5))
    assert list(in_threads(lambda item: item * 2, items, 4)) == [item * 2 for item in items]


def test_an_error_of_a_job_is_raised() -> None:
    """The first exception reaches the caller."""
    with pytest.raises(ZeroDivisionError):
        list(in_threads(lambda item: 1 // item, [1, 0, 2]))


def test_few_results_wait() -> None:
    """While the first result is looked at, no more than a chunk was worked on."""
    seen: list[int] = []
    results = in_threads(seen.append, list(range(10 * CHUNK)), 2)
    next(results)
    assert len(seen) <= CHUNK
    assert len(list(results)) == 10 * CHUNK - 1
