"""Tests of flows/server.py, with Prefect's own server."""

import json
import os
import socket
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from flows.server import HOST, UI_PORT, is_of_this_checkout, prefect_server, set_environment
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


def test_an_address_in_the_environment_is_used(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where PREFECT_API_URL names a server, none is started and nothing is written."""
    monkeypatch.setenv("PREFECT_API_URL", "http://prefect.example/api")
    with prefect_server() as address:
        assert address == "http://prefect.example/api"
    assert "PREFECT_HOME" not in os.environ
    assert not (project / ".segline").exists()


def test_only_a_server_with_its_data_here_is_of_this_checkout(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A team's server, or a local one of another home, may hold others' runs."""
    set_environment()
    assert is_of_this_checkout(f"http://{HOST}:4200/api")
    assert not is_of_this_checkout("http://prefect.example:4200/api")
    monkeypatch.setenv("PREFECT_HOME", "/elsewhere")
    assert not is_of_this_checkout(f"http://{HOST}:4200/api")


@pytest.mark.e2e
def test_the_server_starts_and_ends_with_the_block(project: Path) -> None:
    """Prefect's own server starts with the pinned packages, answers a list call, on another port than a taken one."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):  # someone else's server will do
            taken.bind((HOST, UI_PORT))
        with prefect_server() as address:
            assert f":{UI_PORT}/" not in address
            ask = urllib.request.Request(f"{address}/flows/filter", b"{}", {"Content-Type": "application/json"})
            with urllib.request.urlopen(ask, timeout=30) as answer:
                assert json.load(answer) == []
    assert "PREFECT_API_URL" not in os.environ
    with pytest.raises(OSError):
        urllib.request.urlopen(f"{address}/health", timeout=5)


@pytest.mark.e2e
def test_a_server_that_cannot_start_is_told(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the log where the reason is."""
    monkeypatch.setenv("PREFECT_SERVER_DATABASE_CONNECTION_URL", "sqlite+aiosqlite:////no/such/folder/prefect.db")
    with (
        pytest.raises(StageError, match=r"Prefect's server ended at its start; mend what .*server.log says"),
        prefect_server(),
    ):
        pass
    assert "unable to open database file" in (project / ".segline/prefect/server.log").read_text()
