"""Jobs in parallel, started ahead of the reader of their results, with few results in memory at a time."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from os import cpu_count
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
AHEAD_PER_THREAD = 2
"""Results that may wait for the reader, so that no thread waits for it."""
NUM_READERS = 2
"""Threads that read images at full size for a model, which needs the other cores and the memory."""


def in_order(pool: Executor, function: Callable[[T], R], items: Iterable[T], num_ahead: int) -> Iterator[R]:
    """The results of `function` in the order of `items`; an exception is raised in the place of its item.

    Items are taken as they are needed; `num_ahead` jobs are started before their results are read.
    """
    ahead: deque[Future[R]] = deque()
    try:
        for item in items:
            ahead.append(pool.submit(function, item))
            if len(ahead) > num_ahead:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        for future in ahead:
            future.cancel()


def in_threads(function: Callable[[T], R], items: Iterable[T], num_threads: int | None = None) -> Iterator[R]:
    """As `in_order`, in threads of its own, one per CPU by default; OpenCV and the disk release Python's lock."""
    num_threads = num_threads or cpu_count() or 1
    with ThreadPoolExecutor(num_threads) as pool:
        yield from in_order(pool, function, items, AHEAD_PER_THREAD * num_threads)
