"""Work on the Dask cluster that the environment names, else in threads: the same results in the same order.

The scheduler gives a task to another worker if its worker is killed. A task says what its worker must be like, so one
that joins later is compared, too. It works in the stage's folder, so workers have one thread: a process has one folder.
"""

import os
import platform
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import chdir, contextmanager
from functools import cache, partial
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from uuid import uuid4

from pipeline.disk.files import md5_of_code, part_of
from pipeline.errors import ParamsError, StageError
from pipeline.runtime.locks import FOLDER
from pipeline.runtime.parallel import in_threads
from pipeline.runtime.stages import CODE, ROOT

if TYPE_CHECKING:
    from distributed import Client, Future, Worker

T = TypeVar("T")
R = TypeVar("R")
VARIABLE = "SEGLINE_DASK"
ADDRESS = re.compile(r"(tcp|tls)://[^\s/:@]+:\d{1,5}")
CONNECT_S, NO_WORKERS_S, POLL_S = 10.0, 60.0, 1.0
"""Limits for an answer of the scheduler and for a time without any worker, and how often the workers are counted."""
CHUNKS, AHEAD_PER_WORKER = 4, 4
"""Chunks of a task, which costs some ms of its own; and tasks that a worker has or has done, while one is read here."""
PACKAGES = ("numpy", "opencv-python-headless", "pillow", "tensorflow")
"""Whose versions change results."""


class Wanted(NamedTuple):
    """What a worker must be like.

    Attributes:
        folder: in which the stage runs; an absolute path.
        probe: a file there that no copy of the folder has.
        described: see `describe`.
    """

    folder: str
    probe: str
    described: dict[str, str]


def spread(
    function: Callable[[T], R],
    items: Sequence[T],
    chunk: int,
    num_threads: int | None = None,
    instead: Callable[[Sequence[T]], Iterable[R]] | None = None,
) -> Iterator[R]:
    """As `map(function, items)`, `chunk` items at a time, in threads or on a cluster; few results are in memory.

    On a cluster, functions and items travel by pickle. The items of a task that several workers died of are done in
    this process, by `instead` if it is given.

    Raises:
        ParamsError: `SEGLINE_DASK` is no address.
        StageError: the cluster cannot be reached or is gone, or a worker is unlike this process.
    """
    address = read_address()
    size = chunk * CHUNKS if address else chunk
    chunks = (items[first : first + size] for first in range(0, len(items), size))
    if address:
        return _on_cluster(address, function, chunks, instead or partial(_apply, function))
    return chain.from_iterable(in_threads(partial(_apply, function), chunks, num_threads))


def read_address() -> str:
    """The scheduler's address: `SEGLINE_DASK` of the environment, or empty.

    Raises:
        ParamsError: it is no address.
    """
    address = os.environ.get(VARIABLE, "")
    if address and not ADDRESS.fullmatch(address):
        raise ParamsError(
            f"{VARIABLE} is {address!r}, expected the scheduler's address such as tcp://HOST:8786; correct or unset it"
        )
    return address


@contextmanager
def connected(address: str, wait_s: float) -> Iterator["tuple[Client, Wanted]"]:
    """Connects with a cluster and compares all workers with this process; gives what later ones must be like.

    Waits at most `wait_s` for a first worker.

    Raises:
        StageError: no scheduler, no worker, or a worker is unlike this process.
    """
    try:
        from distributed import Client
    except ImportError as err:
        raise StageError(f"{VARIABLE} is set, but Dask is not installed ({err}); run `make install`") from err
    folder = Path.cwd()
    with part_of(folder / FOLDER / f"dask-{uuid4().hex}") as probe:
        probe.touch()
        try:
            client = Client(address, timeout=CONNECT_S, set_as_default=False)
        except (OSError, RuntimeError, TypeError, ValueError) as err:
            raise StageError(
                f"{address}: no answer of a Dask scheduler within {CONNECT_S:g} s ({err}); start it, or correct or "
                f"unset {VARIABLE}"
            ) from err
        with client:
            wanted = Wanted(str(folder), str(probe), describe())
            _check_workers(client, address, wanted, wait_s)
            yield client, wanted


@cache
def describe() -> dict[str, str]:
    """What results depend on. In a worker, code is that of its first task: it may have changed on the disk since."""
    versions = {name: version(name) for name in PACKAGES}
    return {
        "Python": platform.python_version(),
        "processor": platform.machine(),
        **versions,
        "MD5 of segline's code": md5_of_code(ROOT / CODE),
    }


def differences(wanted: Wanted, dask_worker: "Worker") -> list[str]:
    """Why this process is no worker for a task: what was found, what was expected, what to do. Runs in a worker."""
    found, num_threads = describe(), dask_worker.state.nthreads
    faults = [
        f"{name} is {found[name]}, expected {text}" for name, text in wanted.described.items() if found[name] != text
    ]
    if faults:
        faults[-1] += f"; start it again from {wanted.folder}, in its environment"
    if not Path(wanted.probe).exists():
        faults.append(f"{wanted.folder} is missing or another folder there; share it under this path")
    if num_threads != 1:
        faults.append(f"it has {num_threads} threads, expected 1; start it with --nthreads 1 --nworkers NUMBER")
    return faults


def _check_workers(client: "Client", address: str, wanted: Wanted, wait_s: float) -> None:
    try:
        client.wait_for_workers(1, timeout=wait_s)
    except TimeoutError as err:
        raise _no_workers(address, wait_s) from err
    results: dict[str, Any] = client.run(differences, wanted, on_error="return")
    lines = []
    for worker, result in results.items():
        if isinstance(result, OSError):
            continue  # it has just ended; what comes in its place is compared by its tasks
        if isinstance(result, BaseException):
            result = [f"segline cannot be used: {result!r}; start it in the environment of the project"]
        lines += [f"  {worker}: {fault}" for fault in result]
    if lines:
        raise StageError(f"workers of {address} are unlike this process:\n" + "\n".join(sorted(lines)))


def _on_cluster(
    address: str,
    function: Callable[[T], R],
    chunks: Iterator[Sequence[T]],
    instead: Callable[[Sequence[T]], Iterable[R]],
) -> Iterator[R]:
    ahead: deque[tuple[Future, Sequence[T]]] = deque()
    with connected(address, NO_WORKERS_S) as (client, wanted):
        counted = time.monotonic()
        num_workers = _count_workers(client, address)
        print(f"on {num_workers} workers of {address}", flush=True)
        for chunk in chunks:
            if time.monotonic() - counted > POLL_S:
                num_workers, counted = _count_workers(client, address), time.monotonic()
            ahead.append((client.submit(partial(_work, wanted, function, chunk), pure=False), chunk))
            if len(ahead) > AHEAD_PER_WORKER * max(1, num_workers):
                yield from _result(client, address, *ahead.popleft(), instead)
        while ahead:
            yield from _result(client, address, *ahead.popleft(), instead)


def _work(wanted: Wanted, function: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """A task. Runs in a worker."""
    from distributed import get_worker

    worker = get_worker()
    if faults := differences(wanted, worker):
        raise StageError(f"the worker {worker.address} has joined, but " + "; ".join(faults))
    with chdir(wanted.folder):
        return _apply(function, items)


def _apply(function: Callable[[T], R], items: Sequence[T]) -> list[R]:
    return [function(item) for item in items]


def _result(
    client: "Client",
    address: str,
    future: "Future",
    items: Sequence[T],
    instead: Callable[[Sequence[T]], Iterable[R]],
) -> Iterator[R]:
    """The results of a task; an exception of its own is raised as it is."""
    from distributed import KilledWorker

    try:
        results: list[R] = _wait(client, address, future)
    except CancelledError as err:
        raise _no_scheduler(address) from err
    except KilledWorker:
        yield from instead(items)
    else:
        yield from results


def _wait(client: "Client", address: str, future: "Future") -> list[Any]:
    from distributed import wait

    seen = time.monotonic()
    while True:
        try:
            if not future.done():
                with client.as_current():
                    wait(future, timeout=POLL_S)
            results: list[Any] = future.result(timeout=NO_WORKERS_S)
            return results
        except TimeoutError:
            if future.status == "error":
                raise  # the task's own
        if _count_workers(client, address):
            seen = time.monotonic()
        elif time.monotonic() - seen > NO_WORKERS_S:
            raise _no_workers(address, NO_WORKERS_S)


def _count_workers(client: "Client", address: str) -> int:
    try:
        return len(client.nthreads())
    except (OSError, ValueError) as err:
        raise _no_scheduler(address) from err


def _no_scheduler(address: str) -> StageError:
    return StageError(f"{address}: the scheduler is gone; start it and its workers, and run the same command again")


def _no_workers(address: str, seconds: float) -> StageError:
    return StageError(
        f"{address}: no worker for {seconds:g} s; start some (`dask worker {address} --nthreads 1 --nworkers -1`) "
        "and run the same command again"
    )
