"""Tests of pipeline/runtime/parallel.py."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from pipeline.runtime.parallel import in_order, in_threads


def test_results_come_in_order() -> None:
    """More items than may wait give all results, in the order of the items."""
    items = list(range(200))
    assert list(in_threads(lambda item: item * 2, items, 4)) == [item * 2 for item in items]


def test_an_error_comes_in_the_place_of_its_item() -> None:
    """The results before it are given first, though the job has failed long ago."""
    results = in_threads(lambda item: 1 / item, [1, 2, 0, 4])
    assert [next(results), next(results)] == [1, 0.5]
    with pytest.raises(ZeroDivisionError):
        next(results)


@pytest.mark.parametrize("num_threads", [1, 2, 16])
def test_few_results_wait(num_threads: int) -> None:
    """Of many items, no more are taken and worked on than are asked for and may wait."""
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(640):
            taken.append(item)
            yield item

    worked: list[int] = []
    results = in_threads(worked.append, items(), num_threads)
    next(results)
    assert max(len(worked), len(taken)) <= 2 * num_threads + 1
    assert len(list(results)) == 639


def test_jobs_are_dropped_after_an_error() -> None:
    """Jobs that have not begun when an error is raised are not started."""
    worked: list[int] = []
    raised = Event()

    def work(item: int) -> None:
        worked.append(item)
        if item == 0:
            raise ValueError("no")
        raised.wait()

    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(ValueError, match="no"):
            list(in_order(pool, work, range(8), 8))
        raised.set()
    assert len(worked) <= 2
