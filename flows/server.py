"""Where Prefect keeps its runs: a team's server by address, or one of our own for as long as a command runs."""

import os
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.leash import started_on_leash
from flows.lock import FOLDER
from pipeline.environment import QUIET, set_defaults
from pipeline.errors import StageError

HOST = "127.0.0.1"
UI_PORT = 4200  # Prefect's own
START_TIMEOUT_S = 180
OWN_HOME = FOLDER / "prefect"
DEFAULTS = {
    "NO_PROXY": f"{HOST},localhost",
    "PREFECT_LOGGING_FORMATTERS_STANDARD_FLOW_RUN_FMT": "%(asctime)s | %(message)s",
    "PREFECT_LOGGING_FORMATTERS_STANDARD_TASK_RUN_FMT": "%(asctime)s | %(task_run_name)s | %(message)s",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": str(START_TIMEOUT_S),
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
}


def set_environment() -> None:
    """Sets what Prefect and all other libraries are told, before Prefect is imported; what is set already stays."""
    set_defaults(QUIET | DEFAULTS)
    if "PREFECT_API_URL" not in os.environ:
        set_defaults({"PREFECT_HOME": str(OWN_HOME.resolve())})


def is_of_this_checkout(address: str) -> bool:
    """True where nothing outside this checkout can use the Prefect server: it is local and keeps its data here."""
    home = os.environ.get("PREFECT_HOME", "")
    return address.startswith(f"http://{HOST}:") and home == str(OWN_HOME.resolve())


@contextmanager
def prefect_server() -> Iterator[str]:
    """Gives the address of the Prefect server in PREFECT_API_URL, or of one that runs until the block ends.

    Raises:
        StageError: the server does not start.
    """
    set_environment()
    if address := os.environ.get("PREFECT_API_URL"):
        yield address
        return
    port = _free_port()
    log = Path(os.environ["PREFECT_HOME"]) / "server.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    print("starting Prefect's own server", flush=True)
    command = ("prefect", "server", "start", "--host", HOST, "--port", str(port))
    with log.open("w") as output, started_on_leash(command, output) as child:
        address = f"http://{HOST}:{port}/api"
        _wait_for(address, lambda: child.poll() is None, log)
        os.environ["PREFECT_API_URL"] = address
        try:
            yield address
        finally:
            del os.environ["PREFECT_API_URL"]


def _free_port() -> int:
    """Prefect's usual port, or any other where that is taken."""
    with socket.socket() as probe:
        try:
            probe.bind((HOST, UI_PORT))
        except OSError:
            probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _wait_for(address: str, is_alive: Callable[[], bool], log: Path) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + START_TIMEOUT_S
    while is_alive() and time.monotonic() < deadline:
        try:
            direct.open(f"{address}/health", timeout=5).close()
            return
        except OSError:
            time.sleep(0.1)
    what = "took too long to start" if is_alive() else "ended at its start"
    raise StageError(
        f"Prefect's server {what}; mend what {log} says, or name another server in PREFECT_API_URL, and run again"
    )
