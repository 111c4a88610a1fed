"""Tests of flows/server.py, with Prefect's own server."""

import base64
import json
import os
import socket
import subprocess
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from flows.server import (
    HOST,
    KEY,
    UI_PORT,
    find_free,
    is_of_this_checkout,
    prefect_server,
    set_environment,
    where_pages_are,
)
from pipeline.errors import StageError


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test sets does not outlive it."""
    for name in ("PREFECT_HOME", "PREFECT_API_URL", "NO_PROXY", *os.environ):
        if name.startswith("PREFECT") or name == "NO_PROXY":
            monkeypatch.setenv(name, "")
            monkeypatch.delenv(name)


def test_prefect_keeps_its_data_in_the_project(project: Path) -> None:
    """Without an address Prefect's home is the project's; telemetry is off."""
    set_environment()
    assert os.environ["PREFECT_HOME"] == str(project.resolve() / ".segline/prefect")
    assert os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"


@pytest.mark.e2e
def test_an_address_in_the_environment_is_used(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where PREFECT_API_URL names a server, none is started and nothing is written; an empty one names none."""
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    with pytest.raises(StageError, match="Prefect's server at http://127.0.0.1:9/api fails: "), prefect_server():
        pass
    assert "PREFECT_HOME" not in os.environ
    assert not (project / ".segline").exists()
    monkeypatch.setenv("PREFECT_API_URL", "")
    set_environment()
    assert os.environ["PREFECT_HOME"] == str(project.resolve() / ".segline/prefect")


def test_only_a_server_with_its_data_here_is_of_this_checkout(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A team's server, or a local one of another home, may hold others' runs."""
    set_environment()
    assert is_of_this_checkout(f"http://{HOST}:4200/api")
    assert not is_of_this_checkout("http://prefect.example:4200/api")
    monkeypatch.setenv("PREFECT_HOME", "/elsewhere")
    assert not is_of_this_checkout(f"http://{HOST}:4200/api")


def ask_as_a_stranger(address: str) -> None:
    """Asks without the key, with a wrong one, and as a page of another site does before it sends one."""
    for headers in ({}, {"Authorization": "Basic d3Jvbmc="}, {"Origin": "http://evil.example"}):
        assert ask(address, headers) == (401, {"exception_message": "Unauthorized"}, None)
    preflight = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    assert ask(address, preflight, "OPTIONS")[0::2] == (400, None)
    preflight["Origin"] = address.removesuffix("/api")
    assert ask(address, preflight, "OPTIONS")[0::2] == (200, preflight["Origin"])


def ask(address: str, headers: dict[str, str], method: str = "POST") -> tuple[int, Any, str | None]:
    """Status and content of the server's answer to a list call, and which origin it lets read that."""
    question = urllib.request.Request(f"{address}/flows/filter", b"{}", {"Content-Type": "application/json"} | headers)
    question.method = method
    try:
        answer = urllib.request.urlopen(question, timeout=30)
    except urllib.error.HTTPError as err:
        answer = err
    with answer:
        text = answer.read()
        content = json.loads(text) if method == "POST" else text
        return answer.status, content, answer.headers["Access-Control-Allow-Origin"]


@pytest.mark.e2e
def test_the_server_starts_and_ends_with_the_block(project: Path) -> None:
    """Prefect's own server starts on a free port with the pinned packages, and answers whoever has its key, alone."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):  # someone else's server will do
            taken.bind((HOST, UI_PORT))
        with prefect_server() as address:
            assert f":{UI_PORT}/" not in address
            ask_as_a_stranger(address)
            key = base64.b64encode(KEY.read_bytes()).decode()
            assert ask(address, {"Authorization": f"Basic {key}"}) == (200, [], None)
            assert KEY.stat().st_mode & 0o777 == 0o600
            assert not subprocess.run(["pgrep", "--full", KEY.read_text()], capture_output=True).stdout
            assert where_pages_are(address) == f"{address[:-4]} (which asks for the key in {KEY})"
    assert not KEY.exists() and "PREFECT_API_AUTH_STRING" not in os.environ
    assert "PREFECT_API_URL" not in os.environ
    with pytest.raises(OSError):
        urllib.request.urlopen(f"{address}/health", timeout=5)


@pytest.mark.e2e
def test_a_server_that_cannot_start_is_reported(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the log where the reason is."""
    monkeypatch.setenv("PREFECT_SERVER_DATABASE_CONNECTION_URL", "sqlite+aiosqlite:////no/such/folder/prefect.db")
    with (
        pytest.raises(StageError, match=r"Prefect's server ended at its start; repair what .*server.log says"),
        prefect_server(),
    ):
        pass
    assert "unable to open database file" in (project / ".segline/prefect/server.log").read_text()


@pytest.mark.e2e
def test_port_that_another_program_takes_meanwhile(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two projects that start at once choose one port; the second is not answered by the first's server."""
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        taken = other.getsockname()[1]
        free = find_free(0)
        monkeypatch.setattr("flows.server._free_ports", lambda: iter([taken, free]))
        with prefect_server() as address:
            assert address == f"http://{HOST}:{free}/api"
