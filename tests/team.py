"""The process stack of `make stack` for tests, and what people do with it."""

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from flows.team.programs import _find_programs
from flows.team.stack import SETTINGS
from pipeline.errors import StageError
from tests.flows.tiny_flow import run_module

TIMEOUT_S = 240
CRON = "0 3 1 1 *"


@contextmanager
def started_stack(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Runs the stack for the project in the current folder; the environment has its variables until the block ends.

    Args:
        folder: for what belongs to no project.
    """
    try:
        _find_programs()
    except StageError as err:
        pytest.skip(str(err))
    command = [sys.executable, "-m", "flows.team.stack"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_CONFIG_FILE", str(folder / "aws"))  # DVC cannot read a device, as the other tests have it
        patch.setenv("PREFECT_WORKER_QUERY_SECONDS", "2")  # of a worker at its server; else 10
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as starter:
            try:
                assert any("stop them with Ctrl-C" in line for line in iter(starter.stdout or ()))
                assert SETTINGS.stat().st_mode & 0o777 == 0o600
                for line in SETTINGS.read_text().splitlines():
                    patch.setenv(*shlex.split(line)[1].split("=", 1))
                yield starter
            finally:
                starter.terminate()


def add_remote() -> None:
    """Names a bucket of the stack as DVC's remote of the project in the current folder."""
    with Path(".dvc/config").open("a") as file:
        file.write("    remote = store\n['remote \"store\"']\n    url = s3://dvc/project\n    verify = true\n")


def deployed(*words: str) -> None:
    """Hands the schedule to the workers."""
    code, output = run_module("segline.command", "schedule", "--deploy", "--cron", CRON, *words)
    assert code == 0, output


def prefect(method: str, *arguments: Any, **options: Any) -> Any:
    """A call to Prefect's server as a person with the key makes it."""
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

    names = {PREFECT_API_URL: "PREFECT_API_URL", PREFECT_API_AUTH_STRING: "PREFECT_API_AUTH_STRING"}
    settings = {setting: os.environ[name] for setting, name in names.items()}
    with temporary_settings(settings), get_client(sync_client=True) as client:
        return getattr(client, method)(*arguments, **options)


def start_run(name: str = "scheduled/team") -> UUID:
    """A run of a deployment, as Prefect's pages start one."""
    deployment = prefect("read_deployment_by_name", name)
    return UUID(str(prefect("create_flow_run_from_deployment", deployment.id).id))


def wait_for(run: UUID, *names: str, timeout_s: float = TIMEOUT_S) -> Any:
    """The state of a run, once it has one of the names."""
    deadline = time.monotonic() + timeout_s
    while (state := prefect("read_flow_run", run).state).name not in names:
        assert time.monotonic() < deadline and not state.is_final(), state
        time.sleep(1)
    return state


def list_objects(bucket: str) -> list[str]:
    """Keys of the objects in a bucket."""
    import boto3

    pages = boto3.session.Session().client("s3").list_objects_v2(Bucket=bucket)
    return [item["Key"] for item in pages.get("Contents", [])]
