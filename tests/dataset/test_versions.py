"""Tests of pipeline/dataset/versions.py, with DVC itself."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.dataset.versions import (
    Version,
    add_data,
    is_fresh,
    list_versioned,
    push,
    read_data_md5,
    read_version,
    restore,
    version_now,
    version_of,
)
from pipeline.disk.files import md5_of
from pipeline.errors import DataError, StageError
from tests.flaky_s3 import Spoiled, flaky_server
from tests.flows.tiny_team import REMOTE

REFUSED = "^DVC failed: remote store at s3://"
STAGE = "stages:\n  one:\n    cmd: mkdir -p work && cp data/a work/a\n    deps: [data]\n    outs: [work/a]\n"


@pytest.fixture
def data(project: Path) -> Path:
    """A data folder with one file."""
    (project / "data").mkdir()
    (project / "data/a").write_text("a")
    return project / "data"


def test_the_version_of_data_is_the_md5_of_its_files(data: Path) -> None:
    """The same files have the same version, other files another; `data.dvc` holds it; git ignores the data already."""
    first = add_data()
    (data / "b").write_text("b")
    second = add_data()
    assert first != second == md5_of(data)
    assert second in Path("data.dvc").read_text()
    assert not Path("data/.gitignore").exists()


def test_the_data_as_they_are_now_have_a_version(data: Path) -> None:
    """It is the one that `dvc add` would give; without a list in the cache the files are unknown."""
    first = add_data()
    assert version_now() == read_version() == version_of(first)
    (data / "b").write_text("b")
    now = version_now()
    assert now.md5 == md5_of(data) and now.files and {*now.files} == {"a", "b"}
    assert version_of(now.md5).files is None
    assert add_data() == now.md5


def test_a_stage_is_fresh_until_its_input_changes(data: Path) -> None:
    """A stage that has run is fresh; changed data make stage and data stale."""
    Path("dvc.yaml").write_text(STAGE)
    add_data()
    assert not is_fresh("one")
    subprocess.run([sys.executable, "-m", "dvc", "repro", "--quiet"], check=True)
    assert is_fresh("one")
    assert is_fresh("data.dvc")
    (data / "a").write_text("other")
    assert not is_fresh("one")
    assert not is_fresh("data.dvc")


def test_dvc_keeps_to_the_project(data: Path) -> None:
    """Nothing that DVC writes lies outside the project, so that two projects never meet."""
    add_data()
    assert [path.name for path in Path(".segline").iterdir()] == ["dvc"]


def test_data_without_a_version_are_told(project: Path) -> None:
    """Where `data.dvc` is missing, the message says how to get data."""
    with pytest.raises(DataError, match=r"data\.dvc: not found; bring data in with `segline import`"):
        read_data_md5()


def test_a_missing_folder_is_refused(project: Path) -> None:
    """A refusal of DVC becomes a StageError."""
    with pytest.raises(StageError, match="DVC failed: output 'data' does not exist"):
        add_data()


def test_outside_a_project_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `.dvc` there is no version."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StageError, match="is not a DVC project; run this in the project's folder"):
        add_data()


def test_without_git_is_refused(data: Path) -> None:
    """Without git there is no version."""
    Path(".git").rename("elsewhere")
    with pytest.raises(StageError, match="is not a git repository; versions need git"):
        add_data()


def test_a_busy_project_is_refused(data: Path) -> None:
    """While another DVC command runs, the message says so and names it."""
    Path("dvc.yaml").write_text(STAGE.replace("mkdir", "echo started && sleep 60 && mkdir"))
    command = [sys.executable, "-u", "-m", "dvc", "repro", "--single-item", "one"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as other:
        try:
            assert other.stdout and any(line == "started\n" for line in other.stdout)
            with pytest.raises(StageError, match="DVC is busy in .*; wait"):
                is_fresh("one")
        finally:
            os.killpg(other.pid, 9)


@pytest.mark.parametrize("text", ["outs: []\n", "outs: 3\n", "[]\n", "outs: [{path: data}]\n"])
def test_a_broken_version_is_reported(data: Path, text: str) -> None:
    """A data.dvc that `dvc add` did not write gives no traceback."""
    Path("data.dvc").write_text(text)
    with pytest.raises(DataError, match=r"data.dvc: expected one output with an md5, as `dvc add data` writes it"):
        read_version()


def test_without_dvc_a_version_is_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a version there is none; without DVC there is no list of files."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a").touch()
    assert read_version() is None
    Path("data.dvc").write_text("outs: [{md5: 0123456789abcdef0123456789abcdef.dir}]\n")
    assert read_version() == Version("0123456789abcdef0123456789abcdef.dir", None, None)
    assert list_versioned() == ["a"]


@pytest.fixture
def remote(data: Path, s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty remote of DVC in a bucket."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(data.parent / "aws"))  # DVC cannot read a device
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    s3.create_bucket(Bucket="dvc")
    with Path(".dvc/config").open("a") as file:
        file.write(REMOTE.format(f"s3://dvc/{data.parent.parent.name}"))
    add_data()


@pytest.mark.services
@pytest.mark.e2e
@pytest.mark.usefixtures("remote")
@pytest.mark.parametrize("fault", ["500", "cut"])
@pytest.mark.parametrize("num_answers", [0, 1], ids=["at once", "in the middle"])
def test_a_remote_that_fails_is_named(
    s3_server: str, monkeypatch: pytest.MonkeyPatch, capfd: Any, fault: str, num_answers: int
) -> None:
    """In one sentence with the first reason; DVC itself prints tracebacks, and says how many files failed."""
    for action, method in ((push, "PUT"), (lambda: restore(Path.cwd()), "GET")):
        with flaky_server(s3_server, [fault], Spoiled("/dvc", method, num_answers)) as address:
            monkeypatch.setenv("AWS_ENDPOINT_URL", address)
            with pytest.raises(StageError, match=rf"{REFUSED}.*(Internal Server Error|[Cc]onnect).*; fix") as caught:
                action()
        assert "\n" not in str(caught.value)
        if action is push:
            monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
            push()
            shutil.rmtree(".dvc/cache")
    assert "Traceback" not in "".join(capfd.readouterr())


@pytest.mark.services
@pytest.mark.usefixtures("remote")
def test_a_bucket_that_is_not_there_is_named() -> None:
    """With the remote's name, which the command for another address needs."""
    subprocess.run(["dvc", "remote", "modify", "store", "url", "s3://nowhere/runs"], check=True)
    with pytest.raises(StageError, match=f"{REFUSED}nowhere/runs: .*bucket"):
        push("data.dvc")
