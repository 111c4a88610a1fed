"""The faults: each runs the schedule once, spoils something meanwhile, repairs it, and gives the end of the run."""

import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.repository.git import git
from tests.faults.place import TIMEOUT_S, Outcome, Place, changed_environment
from tests.faults.servers import start_mlflow, start_prefect

NOW_AND_THEN = ("500", "", "", "", "cut", "", "", "", "half", "", "", "", "slow", "", "", "")
DISK_BYTES = 16 << 20
DAY_S = 86_400
FAILS = 1
"""Exit code of a run that says why it failed."""


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    Attributes:
        inject: runs the schedule once with the fault.
        arguments: of `inject`, after the place.
        code: the exit code of that run; another one shows that the fault was not injected, or did harm.
        says: is in the output of that run.
        promotes: the runs have the option `--promote`; without it they take seconds less.
    """

    inject: Callable[..., Outcome]
    arguments: tuple[object, ...] = ()
    code: int = 0
    says: str = ""
    promotes: bool = False


def push(place: Place, *faults: str) -> Outcome:
    """S3 fails once the run pushes its data and outputs, after some of them."""
    with place.spoiled("dvc", *faults, when="PUT", after=3):
        return place.tick()


def pull(place: Place, *faults: str) -> Outcome:
    """S3 fails once a new machine pulls data and outputs, after some of them."""
    _forget(place)
    with place.spoiled("dvc", *faults, when="GET", after=3):
        return place.tick()


def publish(place: Place, *faults: str) -> Outcome:
    """S3 fails once the new champion is published, after some of its files."""
    place.ends.enter_context(changed_environment(SEGLINE_PUBLISH="s3://models/served"))
    with place.spoiled("models", *faults, when="PUT", after=1):
        return place.tick()


def everywhere(place: Place, *faults: str) -> Outcome:
    """Some of the answers of S3 are spoiled, in pull, push and publish."""
    _forget(place)
    place.ends.enter_context(changed_environment(SEGLINE_PUBLISH="s3://models/served"))
    with place.spoiled("", *faults):
        return place.tick()


def _forget(place: Place) -> None:
    """The machine is a new one: nothing is in DVC's cache."""
    shutil.rmtree(place.project / ".dvc/cache")
    shutil.rmtree(place.runs)


def mlflow_is_down(place: Place, begin: str, end: str | None) -> Outcome:
    """MLflow's server is killed when the run is at one place, and started again when it is at another, or has ended."""
    server = start_mlflow(place)
    with place.started() as run:
        with place.held(begin):
            run.wait_for(f"{begin} waits")
            server.kill()
            hold = place.folder / "holds" / (end or "nowhere")
            hold.touch()
        if end:
            run.wait_for(f"{end} waits")
            server.start()
        hold.unlink()
        outcome = run.end()
    if not end:
        server.start()
    return outcome


def prefect_restarts(place: Place) -> Outcome:
    """Prefect's server is killed in mid-flow and is started again while the flow goes on."""
    server = start_prefect(place)
    with place.started() as run:
        with place.held("train"):
            run.wait_for("train waits")
            server.kill()
        run.wait_for("epoch 2/2")
        server.start()
        return run.end()


def killed_in_stage(place: Place, stage: str) -> Outcome:
    """SIGKILL while a stage runs."""
    with place.started() as run, place.held(stage):
        run.wait_for(f"{stage} waits")
        run.kill()
        return run.end()


def killed_once(place: Place, query: str) -> Outcome:
    """SIGKILL as soon as MLflow's database has more rows for a query than before."""
    before = _count(place, query)
    with place.started() as run:
        deadline = time.monotonic() + TIMEOUT_S
        while _count(place, query) == before:
            assert run.child.poll() is None and time.monotonic() < deadline, run.output
            time.sleep(0.002)
        run.kill()
        return run.end()


def _count(place: Place, query: str) -> int:
    with closing(sqlite3.connect(f"file:{place.registry}?mode=ro", uri=True)) as base:
        return int(base.execute(f"SELECT count(*) FROM {query}").fetchone()[0])


def disk_is_full(place: Place, name: str) -> Outcome:
    """The disk of a folder is full from the training on; afterwards it has room again."""
    folder = place.project / name
    content = place.folder / "content"
    shutil.copytree(folder, content, symlinks=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here; root can, outside of most containers")
    place.ends.callback(subprocess.run, ["umount", "--lazy", str(folder)])
    shutil.copytree(content, folder, symlinks=True, dirs_exist_ok=True)
    filler = folder / "filler"
    with place.started() as run:
        with place.held("train"):
            run.wait_for("train waits")
            _fill(filler)
        outcome = run.end()
    filler.unlink()
    return outcome


def _fill(path: Path) -> None:
    """Writes a file until the disk is full."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))


def two_at_once(place: Place) -> Outcome:
    """Two machines, each with a clone of its own, run the schedule at the same minute."""
    other = place.folder / "other"
    git("clone", "--quiet", str(place.folder / "remote.git"), str(other))
    shared = {"PREFECT_HOME": str(place.folder / "shared")}  # a team's server, of no checkout
    with place.started(variables=shared) as first, place.started(other, shared) as second:
        outcomes = first.end(), second.end()
    return max(outcomes, key=lambda outcome: abs(outcome.code))


def clock_jumps(place: Place, seconds: int) -> Outcome:
    """The clock of the machine, but not of the servers, jumps while the training runs."""
    library, clock = place.folder / "clock.so", place.folder / "clock"
    compiler = shutil.which("cc")
    if not compiler:
        pytest.skip("there is no C compiler for the clock; install one, such as by `apt-get install gcc libc6-dev`")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, Path(__file__).with_name("clock.c")], check=True)
    clock.write_text("0")
    with place.started(variables={"LD_PRELOAD": str(library), "CLOCK_FILE": str(clock)}) as run:
        with place.held("train"):
            run.wait_for("train waits")
            clock.write_text(str(seconds))
        return run.end()


CHALLENGED = "registered_model_aliases WHERE alias = 'challenger' AND version = 2"
VERSIONS, DECISIONS = (f"model_versions WHERE name {is_ours} 'segline'" for is_ours in ("=", "!="))
KILLED = -signal.SIGKILL
FULL = "space left on "
FAULTS: dict[str, Fault] = {
    "S3 answers 500 in push": Fault(push, ("500",), FAILS, "DVC failed: "),
    "S3 cuts connections in push": Fault(push, ("cut",), FAILS, "DVC failed: "),
    "S3 answers 500 in pull": Fault(pull, ("500",), FAILS, "DVC failed: "),
    "S3 cuts connections in pull": Fault(pull, ("cut",), FAILS, "DVC failed: "),
    "S3 answers 500 in publish": Fault(publish, ("500",), FAILS, "answered", promotes=True),
    "S3 cuts connections in publish": Fault(publish, ("cut",), FAILS, "cannot be reached", promotes=True),
    "S3 is slow": Fault(everywhere, ("slow", "", "", ""), promotes=True),
    "S3 fails now and then": Fault(everywhere, NOW_AND_THEN, promotes=True),
    "MLflow is down for the whole training": Fault(mlflow_is_down, ("train", "export"), says="without live metrics"),
    "MLflow is down until after the run": Fault(mlflow_is_down, ("epoch", None), FAILS, "error: MLflow at http"),
    "Prefect's server restarts in mid-flow": Fault(prefect_restarts),
    "SIGKILL in train": Fault(killed_in_stage, ("train",), KILLED),
    "SIGKILL in export": Fault(killed_in_stage, ("export",), KILLED),
    "SIGKILL in register, before the version": Fault(killed_once, ("logged_models",), KILLED),
    "SIGKILL in register, after the version": Fault(killed_once, (VERSIONS,), KILLED),
    "SIGKILL in promote, before the decision": Fault(killed_once, (CHALLENGED,), KILLED, promotes=True),
    "SIGKILL in promote, after the decision": Fault(killed_once, (DECISIONS,), KILLED, promotes=True),
    "disk full in work/": Fault(disk_is_full, (".segline/runs/work",), FAILS, FULL),
    "disk full in DVC's cache": Fault(disk_is_full, (".dvc/cache",), FAILS, FULL),
    "two schedules at the same minute": Fault(two_at_once, promotes=True),
    "the clock jumps back": Fault(clock_jumps, (-DAY_S,), promotes=True),
    "the clock jumps forward": Fault(clock_jumps, (DAY_S,), promotes=True),
}
"""By name."""
