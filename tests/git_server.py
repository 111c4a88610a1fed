"""A git server by HTTP, such as a team has, which asks for a user and a token."""

import base64
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar


class _Git(BaseHTTPRequestHandler):
    """Answers by git's own program for servers, whose environment is that of CGI."""

    folder: ClassVar[Path]
    key: ClassVar[str]

    def do_GET(self) -> None:  # noqa: N802
        """Refuses without the key."""
        if self.headers["Authorization"] == self.key:
            self._serve()
        else:
            self._answer(401, {"WWW-Authenticate": 'Basic realm="git"'}, b"")

    do_POST = do_GET  # noqa: N815

    def _serve(self) -> None:
        path, _, query = self.path.partition("?")
        variables = {
            "GIT_PROJECT_ROOT": str(self.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "REMOTE_USER": "team",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        given = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        command = ["git", "http-backend"]
        done = subprocess.run(command, input=given, env={**os.environ, **variables}, capture_output=True, check=True)
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self._answer(int(fields.pop("Status", "200").split()[0]), fields, body)

    def _answer(self, status: int, fields: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {**fields, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@contextmanager
def git_server(folder: Path, user: str) -> Iterator[int]:
    """Serves the repositories of a folder for as long as the block lasts, to `NAME:TOKEN`; gives the port."""
    key = f"Basic {base64.b64encode(user.encode()).decode()}"
    program = type("Git", (_Git,), {"folder": folder, "key": key})
    with ThreadingHTTPServer(("127.0.0.1", 0), program) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()
