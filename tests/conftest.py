"""What all tests share: quiet libraries, nothing of the user's settings, and projects in folders of their own."""

import atexit
import gc
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dvc
import hypothesis
import pytest

from pipeline.runtime.environment import QUIET

ROOT = Path(__file__).parents[1]
SETTINGS = (".dvc/config", ".dvc/.gitignore", ".dvcignore", ".gitignore", "params.yaml")
assert (
    dvc.logger
)  # imported here and not in a test: its handlers keep the stdout that they find, and capsys closes its own
OF_THE_USER = ("AWS_", "DVC_", "GIT_", "KERAS_", "MLFLOW_", "ONEDNN_", "PREFECT_", "SEGLINE_", "TF_")
"""Beginnings of the variables that no test is to see."""
MACHINE = "SEGLINE_TEST_MACHINE"
"""Variables that all tests are to see, such as "TF_ENABLE_ONEDNN_OPTS=0": they make this machine another one."""
EMPTY = tempfile.mkdtemp()
ALONE = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "DVC_GLOBAL_CONFIG_DIR": EMPTY,
    "DVC_SYSTEM_CONFIG_DIR": EMPTY,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "KERAS_HOME": EMPTY,
}
GIT = {f"GIT_{who}_{what}": "tests@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
E2E_TIMEOUT_S = 600
PLACES = (
    "MLFLOW_TRACKING_URI",
    "MLFLOW_RUN_ID",
    "PREFECT_API_URL",
    "PREFECT_HOME",
    "SEGLINE_ACTOR",
    "SEGLINE_EXPERIMENT",
    "SEGLINE_MODEL_NAME",
)
"""What a test before may have set."""
on_a_full_disk = pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="only Linux has the device /dev/full, a disk that is always full"
)

for name in [name for name in os.environ if name.startswith(OF_THE_USER) and name != MACHINE]:
    del os.environ[name]
os.environ.update(QUIET | ALONE | GIT | dict(pair.split("=", 1) for pair in os.environ.get(MACHINE, "").split()))
atexit.register(shutil.rmtree, EMPTY, ignore_errors=True)
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it, as would its children
hypothesis.settings.register_profile(
    "noisy machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("noisy machine")
gc.disable()  # until all modules are there: see `pytest_collection_finish`


@contextmanager
def small_files(max_bytes: int = 1 << 16) -> Iterator[None]:
    """In the block no file can grow beyond `max_bytes`: the system refuses with EFBIG."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (max_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """An end-to-end test that names no time limit of its own has ten minutes."""
    for item in items:
        if item.get_closest_marker("e2e") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(E2E_TIMEOUT_S))


def pytest_collection_finish() -> None:
    """Modules stay until the end; to look through them for garbage took a sixth of the fast tests' time."""
    gc.freeze()
    gc.enable()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without stages and data, as the current directory: the repository's settings under git."""
    folder = tmp_path / "project"
    for name in SETTINGS:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    monkeypatch.chdir(folder)
    for name in PLACES:
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    """Address of an S3 server of this machine, which holds nothing."""
    from moto.server import ThreadedMotoServer

    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    moto.start()
    host, port = moto.get_host_and_port()
    urllib.request.urlopen(f"http://{host}:{port}/moto-api/reset", b"").close()  # a server before has left its buckets
    yield f"http://{host}:{port}"
    moto.stop()


@pytest.fixture
def s3(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of that server, which the environment names as a user's would."""
    import boto3

    for name, value in {"ENDPOINT_URL": s3_server, "ACCESS_KEY_ID": "k", "SECRET_ACCESS_KEY": "s"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    return boto3.session.Session().client("s3", region_name="us-east-1")
