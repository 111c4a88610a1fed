"""Tests of flows/address.py, with servers that are none."""

import http.server
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.address import check_address
from pipeline.errors import StageError

MAX_S = 10.0


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
    ("server", "scheme", "told"),
    [
        (nobody, "http", "Connection refused"),
        (silence, "http", "timed out"),
        (some_site, "http", ""),
        (some_site, "https", "SSL"),
        (silence, "https", "timed out"),
    ],
)
def test_a_server_that_is_none_is_told(server: object, scheme: str, told: str) -> None:
    """Whatever is at the address, it is said within seconds and without the password."""
    assert callable(server)
    start = time.monotonic()
    with server() as port:
        address = f"{scheme}://me:secret@127.0.0.1:{port}/api"
        with (
            temporary_settings({PREFECT_API_URL: address}),
            pytest.raises(
                StageError, match=f"Prefect's server at {scheme}://127.0.0.1:{port}/api fails: .*{told}"
            ) as info,
        ):
            check_address(address)
    assert "secret" not in str(info.value) and "correct PREFECT_API_URL" in str(info.value)
    assert time.monotonic() - start < MAX_S


@pytest.mark.e2e
@pytest.mark.parametrize("address", ["prefect", "ftp://127.0.0.1/api", "http://", "http://127.0.0.1:99999/api"])
def test_an_address_that_is_none_is_told(address: str) -> None:
    """What is no address of a server is refused by name."""
    with temporary_settings({PREFECT_API_URL: address}), pytest.raises(StageError, match="correct PREFECT_API_URL"):
        check_address(address)
