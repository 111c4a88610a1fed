"""Where Prefect keeps its runs: a team's server by address, or one of our own for as long as a command runs."""

import base64
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path

from pipeline.errors import StageError
from pipeline.runtime.environment import QUIET, set_defaults
from pipeline.runtime.guard import started
from pipeline.runtime.locks import FOLDER
from pipeline.secrets import without_secrets

HOST = "127.0.0.1"
UI_PORT = 4200  # Prefect's own
NUM_PORTS = 3
START_TIMEOUT_S = 180
OWN_HOME = FOLDER / "prefect"
KEY = OWN_HOME / "key"
"""Password of our own server's pages, as long as it runs."""
RETRIES = {"PREFECT_CLIENT_MAX_RETRIES": "8"}
"""Prefect's client doubles its pauses: 8 wait for some eight minutes in all, its own 5 for one."""
DEFAULTS = {
    **RETRIES,
    "NO_PROXY": f"{HOST},localhost",
    "PREFECT_LOGGING_FORMATTERS_STANDARD_FLOW_RUN_FMT": "%(asctime)s | %(message)s",
    "PREFECT_LOGGING_FORMATTERS_STANDARD_TASK_RUN_FMT": "%(asctime)s | %(task_run_name)s | %(message)s",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": str(START_TIMEOUT_S),
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
}


def set_environment() -> None:
    """Sets the variables that Prefect and other libraries read at their import; one that is set already stays."""
    set_defaults(QUIET | DEFAULTS)
    if not os.environ.get("PREFECT_API_URL"):
        set_defaults({"PREFECT_HOME": str(OWN_HOME.resolve())})


def is_of_this_checkout(address: str) -> bool:
    """True if nothing outside this checkout can use the Prefect server: it is local and keeps its data here."""
    home = os.environ.get("PREFECT_HOME", "")
    return address.startswith(f"http://{HOST}:") and home == str(OWN_HOME.resolve())


@contextmanager
def prefect_server() -> Iterator[str]:
    """Gives the address of the Prefect server in PREFECT_API_URL, or of one that runs until the block ends.

    Our own server refuses requests without its key, which is new each time. So no page in the user's browser can start
    a run. The key is in the environment of the block and of the server, and in a file that only the user can read.

    Raises:
        StageError: the server does not start, or does not answer.
    """
    set_environment()
    if address := os.environ.get("PREFECT_API_URL"):
        from flows.prefect_client import check_address

        check_address(address)
        yield address
        return
    key = secrets.token_urlsafe(32)
    with _started(key) as port, _written(key):
        environment = {"PREFECT_API_URL": f"http://{HOST}:{port}/api", "PREFECT_API_AUTH_STRING": key}
        os.environ.update(environment)
        try:
            yield environment["PREFECT_API_URL"]
        finally:
            for name in environment:
                os.environ.pop(name, None)


def where_pages_are(address: str) -> str:
    """The address of Prefect's pages, and the file of their key if the server is our own."""
    place = without_secrets(address).removesuffix("/api")
    is_ours = KEY.exists() and KEY.read_text() == os.environ.get("PREFECT_API_AUTH_STRING")
    return f"{place} (which asks for the key in {KEY})" if is_ours else place


@contextmanager
def _started(key: str) -> Iterator[int]:
    """Starts the server on a free port, which it gives."""
    print("starting Prefect's own server", flush=True)
    for port in _free_ports():
        with _listening(key, port) as is_ours:
            if is_ours:
                yield port
                return
    raise StageError(f"Prefect's server found no free port on {HOST} in {NUM_PORTS} attempts; run again")


@contextmanager
def _listening(key: str, port: int) -> Iterator[bool]:
    """Starts the server on a port; gives False if another program has taken the port after it was chosen."""
    log = Path(os.environ["PREFECT_HOME"]) / "server.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = ("prefect", "server", "start", "--host", HOST, "--port", str(port))
    own_origin = {"PREFECT_SERVER_API_AUTH_STRING": key, "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": f"http://{HOST}:{port}"}
    with log.open("w") as output, started(command, output, own_origin) as child:
        yield _accepts(port, key, lambda: child.poll() is None, log)


@contextmanager
def _written(key: str) -> Iterator[None]:
    KEY.parent.mkdir(parents=True, exist_ok=True)
    KEY.unlink(missing_ok=True)
    with open(KEY, "x", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write(key)
    try:
        yield
    finally:
        KEY.unlink(missing_ok=True)


def _free_ports() -> Iterator[int]:
    """Prefect's usual port if it is free, then others."""
    return filter(None, map(find_free, (UI_PORT, *[0] * NUM_PORTS)))


def find_free(wanted: int) -> int | None:
    """The wanted port if it is free; for 0 any free one."""
    with socket.socket() as probe, suppress(OSError):
        probe.bind((HOST, wanted))
        return int(probe.getsockname()[1])
    return None


def _accepts(port: int, key: str, is_alive: Callable[[], bool], log: Path) -> bool:
    """Waits until the server on a port accepts our key; False if another program listens there.

    Raises:
        StageError: the server took too long or ended.
    """
    import urllib.error
    import urllib.request  # with ssl and http some 20 ms, which most commands do without

    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    basic = {"Authorization": f"Basic {base64.b64encode(key.encode()).decode()}"}
    request = urllib.request.Request(f"http://{HOST}:{port}/api/admin/version", headers=basic)
    deadline = time.monotonic() + START_TIMEOUT_S
    while is_alive() and time.monotonic() < deadline:
        try:
            direct.open(request, timeout=5).close()
            return True
        except urllib.error.HTTPError as err:
            if err.code != HTTPStatus.SERVICE_UNAVAILABLE:
                return False
        except OSError:
            pass
        time.sleep(0.1)
    if not is_alive() and not find_free(port):
        return False
    problem = "took too long to start" if is_alive() else "ended at its start"
    raise StageError(
        f"Prefect's server {problem}; repair what {log} says, or name another server in PREFECT_API_URL, and run again"
    )
