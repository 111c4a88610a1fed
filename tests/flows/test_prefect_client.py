"""Tests of flows/prefect_client.py; the limit in a process of its own, which ends before Prefect's server does."""

import http.server
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows import prefect_client
from flows.prefect_client import check_address, patiently
from flows.server import prefect_server
from pipeline.errors import StageError

MAX_S = 10.0

CHECK = """
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate
from flows.prefect_client import LIMIT, make_ready, one_training

def read():
    with get_client(sync_client=True) as client:
        found = client.read_global_concurrency_limit_by_name(LIMIT)
        return found.limit, found.active_slots

make_ready()
print(read())
with one_training():
    print(read())
print(read())
with get_client(sync_client=True) as client:
    client.update_global_concurrency_limit(LIMIT, GlobalConcurrencyLimitUpdate(limit=2, active_slots=2))
make_ready()
print(read())
"""


@pytest.mark.e2e
def test_one_place_is_held_and_a_killed_runs_place_is_freed(project: Path) -> None:
    """The limit is one place, taken for the block; what a user has set stays, what a killed run has left does not."""
    with prefect_server():
        done = subprocess.run([sys.executable, "-c", CHECK], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["(1, 0)", "(1, 1)", "(1, 0)", "(2, 0)"], done.stderr


class _Pages(http.server.SimpleHTTPRequestHandler):
    """Answers every question with a page."""

    def do_GET(self) -> None:  # noqa: N802
        """Says hello."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>hello</html>")

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def some_site() -> Iterator[int]:
    """The port of a server that is not Prefect's."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Pages) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


@contextmanager
def silence() -> Iterator[int]:
    """The port of a server that takes calls and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@contextmanager
def nobody() -> Iterator[int]:
    """A port where nobody listens."""
    yield 9


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("server", "scheme", "says"),
    [
        (nobody, "http", "Connection refused"),
        (silence, "http", "timed out"),
        (some_site, "http", ""),
        (some_site, "https", "SSL"),
        (silence, "https", "timed out"),
    ],
)
def test_a_server_that_is_none_is_reported(server: object, scheme: str, says: str) -> None:
    """Whatever is at the address, it is said within seconds and without the password."""
    assert callable(server)
    start = time.monotonic()
    with server() as port:
        address = f"{scheme}://me:secret@127.0.0.1:{port}/api"
        with (
            temporary_settings({PREFECT_API_URL: address}),
            pytest.raises(
                StageError, match=f"Prefect's server at {scheme}://127.0.0.1:{port}/api fails: .*{says}"
            ) as info,
        ):
            check_address(address)
    assert "secret" not in str(info.value) and "correct PREFECT_API_URL" in str(info.value)
    assert time.monotonic() - start < MAX_S


@pytest.mark.e2e
@pytest.mark.parametrize("address", ["prefect", "ftp://127.0.0.1/api", "http://", "http://127.0.0.1:99999/api"])
def test_an_address_that_is_none_is_reported(address: str) -> None:
    """What is no address of a server is refused by name."""
    with temporary_settings({PREFECT_API_URL: address}), pytest.raises(StageError, match="correct PREFECT_API_URL"):
        check_address(address)


def test_a_server_that_is_away_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call is repeated until the server can be reached, or for so long that it will not be."""
    monkeypatch.setattr(prefect_client, "PAUSE_S", 0.0)
    calls: list[int] = []

    def call() -> int:
        calls.append(1)
        if len(calls) < 3:
            raise httpx.ConnectError("refused")
        return len(calls)

    assert patiently(call) == 3
    monkeypatch.setattr(prefect_client, "PATIENCE_S", -1.0)
    calls.clear()
    with pytest.raises(StageError, match="could not be reached for -1 s: refused; start it and run again"):
        patiently(call)
