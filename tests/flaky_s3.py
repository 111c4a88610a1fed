"""An S3 server that fails now and then: it stands before another one and passes on what it does not spoil."""

import http.client
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from threading import Lock, Thread
from urllib.parse import urlsplit

OWN_HEADERS = ("connection", "date", "server", "transfer-encoding")


@contextmanager
def flaky_server(behind: str, faults: Sequence[str]) -> Iterator[str]:
    """Address of the server during the block.

    Args:
        behind: address of a server that works.
        faults: of the answers, again and again: "" for none, a status such as "500", "cut" for no answer, "half" for
            one that breaks off in its content.
    """
    server = _Server(urlsplit(behind).netloc, faults)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


class _Server(ThreadingHTTPServer):
    def __init__(self, behind: str, faults: Sequence[str]) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.behind, self._faults, self._lock = behind, cycle(faults), Lock()

    def next_fault(self) -> str:
        with self._lock:
            return next(self._faults)


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def answer(self) -> None:
        fault = self.server.next_fault()
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.close_connection = fault != ""
        if fault.isdigit():
            self.send_response(int(fault))
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif fault != "cut":
            self._pass_on(body, is_half=fault == "half")

    do_GET = do_PUT = do_HEAD = do_DELETE = answer  # noqa: N815

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
