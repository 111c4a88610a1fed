"""Servers of MLflow and Prefect that can be killed and started again with what they keep."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from flows.server import HOST, find_free
from pipeline.runtime.environment import QUIET
from tests.faults.place import TIMEOUT_S, Place, changed_environment


class Server:
    """A server as a process with its workers; each start has the same port and the same files.

    Attributes:
        address: of the server.
    """

    def __init__(self, command: Sequence[str], port: int, health: str, environment: Mapping[str, str]) -> None:
        self.address = f"http://{HOST}:{port}"
        self._command, self._health, self._environment = command, health, environment
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it and waits until it answers."""
        self.begin()
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            with suppress(OSError):
                urllib.request.urlopen(f"{self.address}{self._health}", timeout=5).close()
                return
            time.sleep(0.1)
        raise AssertionError(f"{self._command} did not answer")

    def begin(self) -> None:
        """Starts it and does not wait."""
        nowhere = subprocess.DEVNULL
        environment = {**os.environ, **self._environment}
        self._process = subprocess.Popen(
            self._command, env=environment, stdout=nowhere, stderr=nowhere, start_new_session=True
        )

    def kill(self) -> None:
        """SIGKILL to it and its workers."""
        if self._process:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def start_mlflow(place: Place) -> Server:
    """Starts a server before the registry of a place, whom the environment names until the next fault."""
    port = _free_port()
    uri = f"sqlite:///{place.registry}"
    stores = ("--artifacts-destination", str(place.registry.with_name("mlartifacts")), "--backend-store-uri", uri)
    command = (sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1", *stores)
    quiet = {**QUIET, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_TRACKING_URI": uri}
    server = Server(command, port, "/health", quiet)
    place.ends.callback(server.kill)
    server.start()
    place.ends.enter_context(changed_environment(MLFLOW_TRACKING_URI=server.address))
    return server


def start_prefect(place: Place) -> Server:
    """Starts a server with the key of the other one, which the environment names until the next fault."""
    port = _free_port()
    program = str(Path(sys.executable).with_name("prefect"))
    command = (program, "server", "start", "--host", HOST, "--port", str(port))
    key = os.environ["PREFECT_API_AUTH_STRING"]
    environment = {**QUIET, "PREFECT_HOME": str(place.folder / "prefect"), "PREFECT_SERVER_API_AUTH_STRING": key}
    server = Server(command, port, "/api/health", environment)
    place.ends.callback(server.kill)
    server.start()
    place.ends.enter_context(changed_environment(PREFECT_API_URL=f"{server.address}/api"))
    return server


def _free_port() -> int:
    port = find_free(0)
    assert port
    return port
