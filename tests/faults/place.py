"""The place in which faults happen: a project with its remotes and servers, put back to one state before each fault."""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, chdir, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest

from flows.server import prefect_server
from tests.conftest import ROOT
from tests.faults.project import HOLDS, choose, write_project
from tests.finished_project import empty_registry
from tests.flaky_s3 import Spoiled, flaky_server

BUCKETS = ("dvc", "models")
TIMEOUT_S = 300.0
KEYS = {"ACCESS_KEY_ID": "k", "SECRET_ACCESS_KEY": "s", "DEFAULT_REGION": "us-east-1", "MAX_ATTEMPTS": "3"}


@dataclass(frozen=True)
class Outcome:
    """The end of a command.

    Attributes:
        code: its exit code; negative: the signal that killed it.
        output: all that it printed.
    """

    code: int
    output: str

    @property
    def is_clear(self) -> bool:
        """True if it ended well, was killed, or says in one sentence why it failed."""
        num_errors = sum(line.startswith("error: ") for line in self.output.splitlines())
        return "Traceback" not in self.output and (self.code <= 0 or (self.code == 1 and num_errors == 1))


class Run:
    """A run of the schedule, now, that is under way."""

    def __init__(self, child: subprocess.Popen[bytes], log: Path) -> None:
        self.child, self.log = child, log

    @property
    def output(self) -> str:
        """What it has printed so far."""
        return self.log.read_text(errors="replace")

    def wait_for(self, text: str) -> None:
        """Waits until it has printed a text; fails if it ends without."""
        deadline = time.monotonic() + TIMEOUT_S
        while text not in self.output:
            assert self.child.poll() is None, f"ended without {text!r}:\n{self.output}"
            assert time.monotonic() < deadline, f"took too long to print {text!r}:\n{self.output}"
            time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL to all of its processes at once."""
        processes = [psutil.Process(self.child.pid)]
        processes += processes[0].children(recursive=True)
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes[1:], TIMEOUT_S)

    def end(self) -> Outcome:
        """Waits for its end."""
        code = self.child.wait(TIMEOUT_S)
        return Outcome(code, self.output)


class Place:
    """A folder with a project, its remotes and what servers keep.

    Attributes:
        folder: holds all of it but the registry.
        registry: MLflow's database. Its file stays the same one, because this process may have opened it.
        s3: a client of the S3 server.
        s3_address: of that server.
        ends: what a fault leaves in place for the next run; it is closed before the next fault.
        words: options of `segline schedule --now`.
    """

    def __init__(self, folder: Path, s3_address: str) -> None:
        self.folder, self.s3_address = folder / "place", s3_address
        self.s3: Any = boto3.session.Session().client("s3", endpoint_url=s3_address)
        self.ends = ExitStack()
        self.words: tuple[str, ...] = ()
        self.registry = folder / "mlflow/mlflow.db"
        self._saved = folder / "saved"
        self._objects: dict[tuple[str, str], bytes] = {}

    @property
    def project(self) -> Path:
        """A person's clone."""
        return self.folder / "project"

    @property
    def runs(self) -> Path:
        """The clone of the scheduled runs."""
        return self.project / ".segline/runs"

    def make(self) -> None:
        """Makes the project, has it run once so that there is a champion, and keeps this state."""
        (self.folder / "holds").mkdir(parents=True)
        self.registry.parent.mkdir()
        shutil.copy(empty_registry(), self.registry)
        for bucket in BUCKETS:
            self.s3.create_bucket(Bucket=bucket)
        write_project(self.project, self.folder / "remote.git", "s3://dvc/project")
        with chdir(self.project):
            self.words = ("--promote",)
            outcome = self.tick()
            assert outcome.code == 0, outcome.output
            choose("road")
        shutil.copytree(self.folder, self._saved / "place", symlinks=True)
        shutil.copytree(self.registry.parent, self._saved / "mlflow")
        self._objects = self.read_objects()

    def restore(self) -> None:
        """Puts the kept state back, in which a pushed change waits to be run."""
        self.ends.close()
        artifacts = self.registry.with_name("mlartifacts")
        for folder, saved in ((self.folder, "place"), (artifacts, "mlflow/mlartifacts")):
            shutil.rmtree(folder)
            shutil.copytree(self._saved / saved, folder, symlinks=True)
        saved_registry = self._saved / "mlflow/mlflow.db"
        with closing(sqlite3.connect(saved_registry)) as source, closing(sqlite3.connect(self.registry)) as target:
            source.backup(target)
        now = self.read_objects()
        for bucket, key in now.keys() - self._objects.keys():
            self.s3.delete_object(Bucket=bucket, Key=key)
        for (bucket, key), content in self._objects.items():
            if now.get((bucket, key)) != content:
                self.s3.put_object(Bucket=bucket, Key=key, Body=content)

    def read_objects(self) -> dict[tuple[str, str], bytes]:
        """The content of all objects in S3, by bucket and key."""
        found = {}
        for bucket in BUCKETS:
            for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
                for item in page.get("Contents", []):
                    body = self.s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
                    found[bucket, item["Key"]] = body
        return found

    def tick(self) -> Outcome:
        """A run of the schedule, now, to its end."""
        with self.started() as run:
            return run.end()

    @contextmanager
    def started(self, folder: Path | None = None, variables: Mapping[str, str] | None = None) -> Iterator[Run]:
        """Starts a run of the schedule, now; what lives of it at the end of the block is killed.

        Args:
            folder: of the clone; None: the project.
            variables: of its environment.
        """
        command = [sys.executable, "-u", "-m", "segline.command", "schedule", "--now", *self.words]
        with tempfile.NamedTemporaryFile(dir=self.folder, suffix=".log", delete=False) as log:
            child = subprocess.Popen(
                command,
                cwd=folder or self.project,
                env={**os.environ, **(variables or {})},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        run = Run(child, Path(log.name))
        try:
            yield run
        finally:
            if child.poll() is None:
                run.kill()
            child.wait()

    @contextmanager
    def held(self, stage: str) -> Iterator[None]:
        """A stage waits until the end of the block."""
        hold = self.folder / "holds" / stage
        hold.touch()
        try:
            yield
        finally:
            hold.unlink()

    @contextmanager
    def spoiled(self, bucket: str, *faults: str, when: str = "", after: int = 0) -> Iterator[None]:
        """S3 fails on a bucket during the block, from a request of a method on; see `flaky_server`.

        Args:
            bucket: its name; "": each.
            faults: as `flaky_server` takes them.
            when: "GET" of an object or "PUT"; "": from the first request on.
            after: number of such requests that are answered before.
        """
        with (
            flaky_server(self.s3_address, faults, Spoiled(f"/{bucket}", when, after)) as address,
            changed_environment(AWS_ENDPOINT_URL=address),
        ):
            yield


@contextmanager
def changed_environment(**variables: str) -> Iterator[None]:
    """Variables of the environment have other values during the block."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        yield


@contextmanager
def made_place(folder: Path, s3_address: str) -> Iterator[Place]:
    """Makes a place; the environment names its servers and its registry until the block ends."""
    with pytest.MonkeyPatch.context() as patch, chdir(folder):
        patch.setenv("PREFECT_HOME", str(folder / "prefect"))
        patch.delenv("PREFECT_API_URL", raising=False)
        with prefect_server():
            for name, value in {"ENDPOINT_URL": s3_address, **KEYS}.items():
                patch.setenv(f"AWS_{name}", value)
            patch.setenv("AWS_CONFIG_FILE", str(folder / "aws"))  # DVC cannot read a device, as the other tests have it
            patch.setenv("PYTHONPATH", str(ROOT))  # the project has a folder `pipeline` of its own
            place = Place(folder, s3_address)
            # the server counts as the project's own, so that the records of killed runs are ended
            patch.setenv("PREFECT_HOME", str(place.project / ".segline/prefect"))
            patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{place.registry}")
            patch.setenv(HOLDS, str(place.folder / "holds"))
            place.make()
            with place.ends:
                yield place
