"""Many small jobs on all cores, with few of them in memory at a time."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
CHUNK = 64


def in_threads(function: Callable[[T], R], items: Sequence[T], num_threads: int | None = None) -> Iterator[R]:
    """The results of `function` in the order of `items`; threads suit it because OpenCV and the disk let go of Python.

    The first exception is raised here, and no more than a chunk of results waits to be taken.
    """
    with ThreadPoolExecutor(num_threads or cpu_count()) as pool:
        for start in range(0, len(items), CHUNK):
            yield from pool.map(function, items[start : start + CHUNK])
