"""Tests of the registry's own file."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from pipeline.errors import RegistryError
from pipeline.registry.client import list_versions, set_tags
from pipeline.registry.connection import HASTY, explain, find_file, make_file, opened
from tests.finished_project import use_registry

pytestmark = pytest.mark.services

FIRST_USE = """
from pipeline.registry.connection import opened
with opened() as (_, client): print(len(client.search_experiments()))
"""


def execute(path: Path, *commands: str) -> None:
    """Changes a data base by hand."""
    with closing(sqlite3.connect(path)) as base, base:
        for command in commands:
            base.execute(command)


def test_file_of_an_address() -> None:
    """An SQLite address names a file, with or without parameters; others name none."""
    assert find_file("sqlite:///mlflow.db") == Path("mlflow.db")
    assert find_file("sqlite:////home/me/mlflow.db?timeout=5") == Path("/home/me/mlflow.db")
    assert find_file("sqlite://") is None and find_file("http://host/sqlite:///x") is None


def test_data_base_appears_whole(tmp_path: Path) -> None:
    """What fails midway leaves no file of that name; a leftover is no obstacle; one that is there stays."""
    path = tmp_path / "new/mlflow.db"

    def fail(uri: str) -> None:
        Path(uri.removeprefix("sqlite:///")).write_text("half")
        raise OSError("killed")

    with pytest.raises(OSError, match="killed"):
        make_file(path, fail)
    assert not path.exists()
    make_file(path, lambda uri: execute(Path(uri.removeprefix("sqlite:///")), "CREATE TABLE a (b)"))
    make_file(path, fail)
    execute(path, "SELECT * FROM a")
    assert sorted(file.name for file in path.parent.iterdir()) == ["mlflow.db", "mlflow.db.lock"]


@pytest.mark.e2e
def test_kill_while_mlflow_makes_its_tables(tmp_path: Path) -> None:
    """Whenever the first command is killed, the next one finds a whole data base or makes one."""
    variables = {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db"}
    beside = tmp_path / "mlflow.db.part"
    for size in (1, 100_000, 400_000):
        with subprocess.Popen([sys.executable, "-c", FIRST_USE], env=variables, cwd=tmp_path) as child:
            while child.poll() is None and not (beside.exists() and beside.stat().st_size >= size):
                time.sleep(0.005)
            child.send_signal(signal.SIGKILL)
        assert child.returncode == -signal.SIGKILL and not (tmp_path / "mlflow.db").exists()
    done = subprocess.run(
        [sys.executable, "-c", FIRST_USE], env=variables, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout.strip() == "1", done.stderr
    assert not beside.exists()


def test_unfinished_data_base_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that an MLflow before ours left half made is named, with what to do; nothing is deleted."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    use_registry(tmp_path, monkeypatch)
    execute(tmp_path / "mlflow.db", "DROP TABLE trace_tags", "UPDATE alembic_version SET version_num = '451aebb31d03'")
    with pytest.raises(RegistryError, match=r"mlflow.db is unfinished, MLflow was stopped .* holds no run: delete it"):
        list_versions()
    execute(tmp_path / "mlflow.db", "INSERT INTO registered_models (name) VALUES ('x')")
    with pytest.raises(RegistryError, match=r"mlflow.db is damaged: put it back from a backup"):
        list_versions()


def test_data_base_of_another_mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A schema that this MLflow does not know is told as such."""
    use_registry(tmp_path, monkeypatch)
    execute(tmp_path / "mlflow.db", "UPDATE alembic_version SET version_num = 'from the future'")
    with pytest.raises(RegistryError, match=r"mlflow.db was made by another MLflow than this one, 3\..*: install that"):
        list_versions()


@pytest.mark.e2e
def test_locked_data_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that another process holds is told, and what was to be written is not."""
    use_registry(tmp_path, monkeypatch)
    with opened() as (_, client):
        client.create_registered_model("segline")
        client.create_model_version("segline", "segline:/test", await_creation_for=None)
    (version,) = list_versions()
    with closing(sqlite3.connect(tmp_path / "mlflow.db", isolation_level=None)) as base:
        base.execute("BEGIN EXCLUSIVE")
        with pytest.raises(RegistryError, match="MLflow at sqlite.* fails: .*database is locked.*nothing is lost"):
            set_tags(version, {"a": "b"})
        base.execute("ROLLBACK")
    assert list_versions()[0].tags == {}


def test_other_reasons_stay(tmp_path: Path) -> None:
    """What is known to nobody is told as MLflow tells it, and a file that is none is not taken for an empty one."""
    assert explain(tmp_path / "mlflow.db", "disk on fire") == "disk on fire"
    (tmp_path / "mlflow.db").write_text("no data base" * 1000)
    assert "is damaged" in explain(tmp_path / "mlflow.db", "no such table: runs")


def test_a_server_that_wants_a_password_is_named_with_the_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person knows what to set."""

    class Server(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # noqa: N802
            self.send_error(401)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Server) as server:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{server.server_port}")
        Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(RegistryError, match="401.*MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"), opened():
            pass
        server.shutdown()


def test_a_server_is_asked_once_whether_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each question costs it the check of a password; a server that goes away afterwards is reported all the same."""
    paths: list[str] = []

    class Server(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # noqa: N802
            paths.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Server) as server:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{server.server_port}")
        Thread(target=server.serve_forever, daemon=True).start()
        for _ in range(3):
            with opened():
                pass
        server.shutdown()
    assert paths == ["/api/2.0/mlflow/experiments/search"]
    with pytest.raises(RegistryError, match="nothing is lost"), opened() as (_, client):
        client.search_experiments()


def test_a_slow_server_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server under load takes the connection at once and answers late; that ends no run."""

    class Server(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # noqa: N802
            time.sleep(1.5)
            with suppress(OSError):  # the first who asked does not wait for it
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    monkeypatch.setitem(HASTY, "MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{server.server_port}")
        Thread(target=server.serve_forever, daemon=True).start()
        with opened() as (_, client):
            assert client.search_experiments() == []
        server.shutdown()
