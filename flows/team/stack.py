"""Runs the services of docker/compose.yaml as processes until it is stopped (`make stack`), to try a team's set-up.

PostgreSQL is that of this machine, the S3 server moto, or the one that AWS_ENDPOINT_URL names. Ports are free ones,
secrets are new unless the environment has them, and all that the servers keep is gone at the end.
"""

import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from flows.server import DEFAULTS, find_free
from flows.team.compose import FINISHED, Service, list_variables, read_services
from flows.team.programs import with_moto, with_postgres
from pipeline.errors import StageError
from pipeline.runtime.environment import QUIET
from pipeline.runtime.guard import started
from pipeline.runtime.locks import FOLDER, held
from pipeline.runtime.program import Terminated, run

COMPOSE = Path(__file__).parents[2] / "docker/compose.yaml"
CLIENT = "worker-gpu"
"""Service whose environment a user's command needs too."""
PREFIX, LOCK = "segline-stack-", "lock"
SETTINGS = FOLDER / "stack.env"
START_TIMEOUT_S = 300
END_TIMEOUT_S = 10
INTERVAL_S = 0.2
NUM_LAST_LINES = 12


class Stack:
    """Services that run as processes.

    Attributes:
        services: by name.
        logs: folder with the output of each service.
    """

    def __init__(self, services: Mapping[str, Service], logs: Path, ends: ExitStack) -> None:
        self.services = services
        self.logs = logs
        self._ends = ends
        self._processes: dict[str, subprocess.Popen[str]] = {}

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that a command needs to use these servers."""
        return self.services[CLIENT].environment

    def start(self) -> None:
        """Starts all services, each after those that it needs, and waits until they are healthy.

        Raises:
            StageError: a service ends or takes too long.
        """
        for service in self.services.values():
            for name, condition in service.after.items():
                self.wait(name, condition)
            self._start(service)
        for service in self.services.values():
            self.wait(service.name, "service_healthy" if service.check else FINISHED)

    def repair(self) -> list[str]:
        """Starts services again that have ended, as compose's `restart: unless-stopped` does; gives their names."""
        ended = [name for name, process in self._processes.items() if process.poll()]
        for name in ended:
            self._start(self.services[name])
        return ended

    def wait(self, name: str, condition: str = "service_healthy") -> None:
        """Waits until a service is healthy, or has ended without an error.

        Raises:
            StageError: it ends otherwise or takes too long.
        """
        service, process = self.services[name], self._processes[name]
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            code = process.poll()
            if condition == FINISHED and code == 0:
                return
            if code is not None:
                raise StageError(f"{name} ended with exit code {code}; its last lines:\n{self._last_lines(name)}")
            if condition != FINISHED and _succeeds(service):
                return
            time.sleep(INTERVAL_S)
        raise StageError(f"{name} took longer than {START_TIMEOUT_S} s; its last lines:\n{self._last_lines(name)}")

    def _start(self, service: Service) -> None:
        output = self._ends.enter_context((self.logs / f"{service.name}.log").open("a"))
        process = self._ends.enter_context(started(service.command, output, service.environment))
        self._ends.callback(_end, process)
        self._processes[service.name] = process

    def _last_lines(self, name: str) -> str:
        lines = (self.logs / f"{name}.log").read_text(errors="replace").splitlines()
        return "\n".join(lines[-NUM_LAST_LINES:])


@contextmanager
def running(project: Path) -> Iterator[Stack]:
    """Runs the services until the block ends.

    Args:
        project: folder whose flows the workers run.

    Raises:
        StageError: a program is missing, or a service does not start.
    """
    with ExitStack() as ends:
        _remove_leftovers()
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix=PREFIX)))
        folder.chmod(0o711)  # PostgreSQL may have a user of its own
        ends.enter_context(held(folder / LOCK, StageError("the folder is in use")))
        services = read_services(COMPOSE, _find_variables(project), folder, iter(lambda: find_free(0), None))
        stack = Stack({service.name: service for service in _with_programs(services, folder)}, folder, ends)
        stack.start()
        yield stack


def _remove_leftovers() -> None:
    """Removes the folders of stacks that were killed."""
    for lock in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{LOCK}"):
        if lock.lstat().st_uid == os.getuid():
            with suppress(StageError), held(lock, StageError("a living stack's")):
                shutil.rmtree(lock.parent)


def _find_variables(project: Path) -> Mapping[str, str]:
    made = {name: secrets.token_hex(32) for name in list_variables(COMPOSE.read_text())}
    made |= {"PREFECT_API_AUTH_STRING": f"segline:{secrets.token_hex(32)}", "SEGLINE_UID": str(os.getuid())}
    return {**made, **os.environ, "SEGLINE_PROJECT": str(project.resolve())}


def _with_programs(services: list[Service], folder: Path) -> Iterator[Service]:
    """The services with the programs of this machine, without the S3 server if the environment names one."""
    store = os.environ.get("AWS_ENDPOINT_URL")
    given = {"AWS_ENDPOINT_URL": store} if store else {}
    common = QUIET | DEFAULTS | {"PREFECT_HOME": str(folder / "prefect")}
    programs = {"postgres": with_postgres, "s3": with_moto}
    for service in services:
        if service.name == "s3" and store:
            continue
        for source in service.folders.values():
            if source.parent == folder and service.name != "postgres":
                source.mkdir(exist_ok=True)
        service = programs.get(service.name, lambda same: same)(service)
        after = {name: condition for name, condition in service.after.items() if name != "s3" or not store}
        yield replace(service, environment={**common, **service.environment, **given}, after=after)


def _end(process: subprocess.Popen[str]) -> None:
    """Asks a service to end, and waits for a while; `started` then kills what is left."""
    deadline = time.monotonic() + END_TIMEOUT_S
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        while time.monotonic() < deadline:
            process.poll()
            os.killpg(process.pid, 0)
            time.sleep(INTERVAL_S)


def _succeeds(service: Service) -> bool:
    """Whether the service's health check does."""
    environment = {**os.environ, **service.environment}
    try:
        done = subprocess.run(service.check, env=environment, capture_output=True, timeout=30, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


@contextmanager
def _written(environment: Mapping[str, str]) -> Iterator[None]:
    """Writes the variables for a shell, where only the user can read them, until the block ends."""
    SETTINGS.parent.mkdir(exist_ok=True)
    SETTINGS.unlink(missing_ok=True)
    with open(SETTINGS, "x", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.writelines(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())
    try:
        yield
    finally:
        SETTINGS.unlink(missing_ok=True)


def main() -> None:
    """Runs the services until it is stopped; exit code 130 or 143 then, as for every command."""
    try:
        serve()
    except (KeyboardInterrupt, Terminated) as end:
        print("the stack has ended, and nothing of it is left", flush=True)
        sys.exit(143 if isinstance(end, Terminated) else 130)


def serve() -> None:
    """Runs the services, says where they are, and starts again what ends."""
    refusal = StageError(f"the stack of {Path.cwd()} is running already; stop it with Ctrl-C first")
    with held(FOLDER / "stack.lock", refusal), running(Path()) as stack, _written(stack.environment):
        for name in ("MLFLOW_TRACKING_URI", "PREFECT_API_URL", "AWS_ENDPOINT_URL"):
            print(f"{name}={stack.environment[name]}")
        print(f"`. {SETTINGS}` names these servers and their keys to a shell; stop them with Ctrl-C", flush=True)
        while True:
            for name in stack.repair():
                print(f"{name} has ended and was started again", flush=True)
            time.sleep(1)


if __name__ == "__main__":
    run(main)
