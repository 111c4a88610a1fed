"""An S3 server that fails now and then: it stands before another one and passes on what it does not spoil."""

import http.client
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from threading import Lock, Thread
from urllib.parse import urlsplit

OWN_HEADERS = ("connection", "date", "server", "transfer-encoding")


SLOW_S = 1.0


@dataclass(frozen=True)
class Spoiled:
    """Which requests are spoiled.

    Attributes:
        prefix: of their paths.
        when: method of an object's request from which on they are; "": from the first request on.
        after: number of such requests that are answered before.
    """

    prefix: str = "/"
    when: str = ""
    after: int = 0


@contextmanager
def flaky_server(behind: str, faults: Sequence[str], spoiled: Spoiled = Spoiled()) -> Iterator[str]:
    """Address of the server during the block.

    Args:
        behind: address of a server that works.
        faults: of the answers, again and again: "" for none, a status such as "500", "cut" for no answer, "half" for
            one that breaks off in its content, "slow" for one that comes after `SLOW_S`.
        spoiled: the requests with these answers.
    """
    server = _Server(urlsplit(behind).netloc, faults, spoiled)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


class _Server(ThreadingHTTPServer):
    def __init__(self, behind: str, faults: Sequence[str], spoiled: Spoiled) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.behind, self._faults, self._spoiled, self._lock = behind, cycle(faults), spoiled, Lock()
        self._num_before = 0 if spoiled.when else 1

    def next_fault(self, method: str, path: str) -> str:
        with self._lock:
            is_concerned = path.startswith(self._spoiled.prefix)
            self._num_before += is_concerned and method == self._spoiled.when and "?list-type" not in path
            return next(self._faults) if is_concerned and self._num_before > self._spoiled.after else ""


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def answer(self) -> None:
        fault = self.server.next_fault(self.command, self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.close_connection = fault != ""
        if fault.isdigit():
            self.send_response(int(fault))
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif fault != "cut":
            time.sleep(SLOW_S if fault == "slow" else 0)
            self._pass_on(body, is_half=fault == "half")

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = answer  # noqa: N815

    def _pass_on(self, body: bytes, is_half: bool) -> None:
        connection = http.client.HTTPConnection(self.server.behind)
        connection.request(self.command, self.path, body, dict(self.headers.items()))
        reply = connection.getresponse()
        content = reply.read()
        connection.close()
        self.send_response(reply.status)
        for name, value in reply.getheaders():
            if name.lower() not in OWN_HEADERS:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if is_half else content)

    def log_message(self, *_: object) -> None:
        """Says nothing."""
