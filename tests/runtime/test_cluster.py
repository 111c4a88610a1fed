"""Work in threads and on a Dask cluster: a scheduler and workers in processes of their own."""

import json
import operator
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest
import yaml

from pipeline.disk.files import md5_of, remove
from pipeline.errors import ParamsError, StageError
from pipeline.runtime import cluster
from pipeline.runtime.cluster import VARIABLE, Wanted, connected, differences, read_address, spread
from pipeline.runtime.guard import started
from pipeline.vision.codec import read_image, read_mask, write_png
from tests.drawn_data import ROOT, small_content, write_data

START_S, SCALE = 60.0, 8
STAGES = ("validate", "preprocess")


@contextmanager
def scheduler(folder: Path, **environment: str) -> Iterator[str]:
    """A scheduler on a free port; gives its address."""
    file = folder / "scheduler.json"
    command = [sys.executable, "-m", "dask", "scheduler", "--port", "0", "--host", "127.0.0.1", "--no-dashboard"]
    with started([*command, "--scheduler-file", str(file)], None, environment, folder):
        deadline = time.monotonic() + START_S
        while not file.exists():
            assert time.monotonic() < deadline, "the scheduler does not start"
            time.sleep(0.05)
        yield json.loads(file.read_text())["address"]


@contextmanager
def workers(folder: Path, address: str, num: int, *options: str, **environment: str) -> Iterator[None]:
    """Workers in a folder, by default of one thread, once they are there."""
    from distributed import Client

    command = [sys.executable, "-m", "dask", "worker", address, "--no-dashboard", "--local-directory", str(folder)]
    paths = {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    command += ["--nworkers", str(num), "--nthreads", "1", *options]
    with started(command, None, paths | environment, folder):
        with Client(address, set_as_default=False) as client:
            client.wait_for_workers(num, timeout=START_S)
        yield


def test_an_address_has_a_protocol_and_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that Dask would guess at is refused; none is no cluster."""
    for address in ("", "tcp://10.0.0.7:8786", "tls://host.local:8786"):
        monkeypatch.setenv(VARIABLE, address)
        assert read_address() == address
    for address in ("localhost:8786", "tcp://host", "http://host:8787", "tcp://host:8786 "):
        monkeypatch.setenv(VARIABLE, address)
        with pytest.raises(ParamsError, match=r"SEGLINE_DASK is '.*', expected the scheduler's address such as tcp://"):
            read_address()


def test_dask_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the environment is to be made again."""
    monkeypatch.setenv(VARIABLE, "tcp://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(StageError, match="SEGLINE_DASK is set, but Dask is not installed .*; run `make install`"):
        next(spread(abs, [1], 1))


def test_threads_keep_the_order() -> None:
    """Without a cluster, results are those of `map`, whatever the size of a chunk."""
    assert list(spread(operator.neg, range(10), 3, num_threads=2)) == [-number for number in range(10)]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with pictures that take a while to decode; the folder to be in."""
    write_data(tmp_path, 80, 10, 10)
    for side, read in (("images", read_image), ("masks", read_mask)):
        for path in (tmp_path / "data" / side).iterdir():
            write_png(path, np.repeat(np.repeat(read(path), SCALE, axis=0), SCALE, axis=1))
    remove(tmp_path / "work")
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(small_content()))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_stages(killer: "Killer | None" = None) -> list[str]:
    """Runs the stages in processes of their own; gives the MD5 of each folder."""
    for stage in STAGES:
        command = [sys.executable, "-m", f"pipeline.steps.{stage}"]
        with killer or ExitStack():
            subprocess.run(
                command, check=True, env={**os.environ, "PYTHONPATH": os.environ.get("PYTHONPATH", str(ROOT))}
            )
    return [md5_of(Path("work") / stage) for stage in STAGES]


class Killer:
    """Kills a worker with SIGKILL while it works, once in each block."""

    def __init__(self, address: str) -> None:
        self.address, self.num_killed = address, 0

    def __enter__(self) -> None:
        self.thread = threading.Thread(target=self._kill)
        self.thread.start()

    def __exit__(self, *_: object) -> None:
        self.thread.join(START_S)

    def _kill(self) -> None:
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=START_S)
            pids = client.run(os.getpid)
            deadline = time.monotonic() + START_S
            while time.monotonic() < deadline:
                for worker, tasks in client.processing().items():
                    if tasks:
                        os.kill(pids[worker], signal.SIGKILL)
                        self.num_killed += 1
                        return
                time.sleep(0.01)


@pytest.mark.e2e
@pytest.mark.timeout(300)
def test_same_bytes_though_workers_are_killed(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stages write the same files without a cluster and on two workers, one of which is killed in each stage."""
    alone = run_stages()
    remove(Path("work"))
    remove(Path(".segline"))
    with scheduler(project) as address, workers(project, address, 2):
        monkeypatch.setenv(VARIABLE, address)
        killer = Killer(address)
        assert run_stages(killer) == alone
        assert killer.num_killed == len(STAGES)


@pytest.mark.e2e
def test_unlike_workers_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker with other code and two threads is refused at the start; one that does not see the folder, too."""
    monkeypatch.chdir(tmp_path)
    other = tmp_path / "other"
    for name in ("pipeline", "flows", "segline"):
        (other / name).parent.mkdir(exist_ok=True)
        subprocess.run(["cp", "-r", ROOT / name, other / name], check=True)
    (other / "pipeline/text.py").write_text("# changed\n" + (other / "pipeline/text.py").read_text())
    python_path = os.pathsep.join([str(other), os.environ.get("PYTHONPATH", "")])
    with scheduler(tmp_path) as address, workers(other, address, 1, "--nthreads", "2", PYTHONPATH=python_path):
        with pytest.raises(StageError) as caught, connected(address, 10):
            pass
        words = str(caught.value)
        assert f"workers of {address} are unlike this process:\n  tcp://127.0.0.1:" in words
        assert "MD5 of segline's code is" in words and f"start it again from {tmp_path}" in words
        assert "it has 2 threads, expected 1; start it with --nthreads 1" in words
        from distributed import Client

        with Client(address, set_as_default=False) as client:
            wanted = Wanted("/elsewhere", "/elsewhere/probe", {})
            (faults,) = client.run(differences, wanted).values()
            with pytest.raises(
                StageError, match="the worker tcp://.* has joined, but /elsewhere is missing or another"
            ):
                client.submit(cluster._work, wanted, abs, [1]).result(timeout=START_S)
        assert faults[0] == "/elsewhere is missing or another folder there; share it under this path"


@pytest.mark.e2e
def test_no_scheduler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address where nobody listens is an error within the limit, and leaves no file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cluster, "CONNECT_S", 0.5)
    monkeypatch.setenv(VARIABLE, "tcp://127.0.0.1:1")
    with pytest.raises(
        StageError, match=r"tcp://127.0.0.1:1: no answer of a Dask scheduler within 0.5 s .*SEGLINE_DASK"
    ):
        next(spread(abs, [1], 1))
    assert not list(Path(".segline").iterdir())


@pytest.mark.e2e
def test_a_chunk_that_kills_workers_and_then_no_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such a chunk is given back to this process; without a worker for a while, the work ends with an error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cluster, "NO_WORKERS_S", 2.0)
    seen: list[int] = []

    def here(items: Sequence[int]) -> Iterator[int]:
        seen.extend(items)
        yield from items

    at_once = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}
    with scheduler(tmp_path, **at_once) as address, workers(tmp_path, address, 1, "--no-nanny"):
        monkeypatch.setenv(VARIABLE, address)
        with pytest.raises(StageError, match=r"no worker for 2 s; start some \(`dask worker tcp://"):
            list(spread(os._exit, range(3, 80), 1, instead=here))
        assert seen == list(range(3, 3 + len(seen))) and seen
        with pytest.raises(StageError, match=r"no worker for 2 s; start some"):
            next(spread(abs, [1], 1))


@pytest.mark.e2e
def test_errors_of_a_task_and_the_end_of_the_scheduler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception of the function is raised as it is; if the scheduler ends, a sentence says so."""
    monkeypatch.chdir(tmp_path)
    with ExitStack() as stack:
        address = stack.enter_context(scheduler(tmp_path))
        stack.enter_context(workers(tmp_path, address, 1))
        monkeypatch.setenv(VARIABLE, address)
        with pytest.raises(FileNotFoundError, match="missing"):
            list(spread(os.listdir, ["missing"], 1))
        monkeypatch.setattr(cluster, "CHUNKS", 1)
        results = spread(time.sleep, [0, 60], 1)
        assert next(results) is None
        stack.close()
        with pytest.raises(StageError, match="the scheduler is gone; start it and its workers, and run the same comm"):
            next(results)
