"""Tests of flows/doctor/servers.py, against servers of this machine."""

import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from flows.doctor.examination import within
from flows.doctor.servers import (
    ask_time,
    judge_clock,
    look_at_clock,
    look_at_dask,
    look_at_prefect,
    look_at_remote,
    look_at_s3,
)
from pipeline.errors import SeglineError, StorageError

pytestmark = pytest.mark.services

NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def slow_clock() -> Iterator[str]:
    """Address of a server that refuses all and whose clock is ten minutes behind."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802 (the library's name)
            self.send_response_only(403)
            self.send_header("Date", format_datetime(datetime.now(UTC) - timedelta(minutes=10), usegmt=True))
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_clock_is_compared_with_a_servers(slow_clock: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first server that answers counts, also one that refuses; the skew is named with its direction."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", slow_clock)
    monkeypatch.setenv("AWS_ENDPOINT_URL", NOBODY)
    (finding,) = look_at_clock()
    assert finding.state in (f"{seconds} s ahead of {slow_clock}" for seconds in range(598, 604)) and finding.todo
    assert not judge_clock(-59, "server").todo and "behind server" in judge_clock(-61, "server").state
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert not list(look_at_clock())


def test_s3_answers_or_not(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that answers is fine, a dead one is an error, and without an address nothing is asked."""
    (finding,) = look_at_s3()
    assert finding.state.endswith(" answers") and not finding.todo
    assert not next(look_at_clock()).todo
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://me:password1@127.0.0.1:9")
    with pytest.raises(StorageError, match="127.0.0.1:9: no answer") as err:
        list(look_at_s3())
    assert "password1" not in str(err.value)
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name)
    assert not list(look_at_s3())


def test_what_is_no_address_is_an_error() -> None:
    """Words that no server can have as a name."""
    with pytest.raises(StorageError, match="no answer"):
        ask_time("minio:9000")


def test_prefect_is_asked_if_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dead server costs seconds and is named."""
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    assert not list(look_at_prefect())
    monkeypatch.setenv("PREFECT_API_URL", f"{NOBODY}/api")
    with pytest.raises(SeglineError, match=r"Prefect's server at http://127\.0\.0\.1:9/api fails"):
        list(look_at_prefect())


def test_dask_is_asked_if_it_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dead scheduler costs seconds and is named."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pipeline.runtime.cluster.CONNECT_S", 0.5)
    assert not list(look_at_dask())
    monkeypatch.setenv("SEGLINE_DASK", "tcp://127.0.0.1:9")
    with pytest.raises(SeglineError, match=r"tcp://127\.0\.0\.1:9: no answer of a Dask scheduler within 0\.5 s"):
        list(look_at_dask())


def test_a_remote_of_dvc_is_asked(project: Path, s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No remote is no fault; one that is empty, or missing, or dead is."""
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):  # aiobotocore refuses /dev/null
        (tmp_path / name).touch()
        monkeypatch.setenv(name, str(tmp_path / name))
    (none,) = look_at_remote()
    assert none.state.startswith("none") and not none.todo
    subprocess.run(["dvc", "remote", "add", "--quiet", "--default", "store", "s3://bucket/prefix"], check=True)
    (missing,) = look_at_remote()
    assert "`dvc push`" in missing.todo
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="prefix/files/md5/00/0", Body=b"x")
    (full,) = look_at_remote()
    assert (full.state, full.todo) == ("s3://bucket/prefix answers", "")
    subprocess.run(["dvc", "remote", "modify", "store", "endpointurl", NOBODY], check=True)
    (dead,) = within("DVC's remote", look_at_remote, 10)
    assert dead.todo
