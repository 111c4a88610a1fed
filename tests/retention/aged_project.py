"""A project under git and DVC with a stage that takes no time, and a registry: what `segline clean` has to judge."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.dataset.versions import add_data, run_if_stale
from pipeline.disk.files import md5_of
from pipeline.registry.connection import opened
from pipeline.registry.runs import create_run
from tests.finished_project import use_registry

STAGES = """\
stages:
  train:
    cmd: mkdir -p work && cp -r data work/train
    deps: [data]
    outs: [work/train]
"""
FILES = ("data.dvc", "dvc.lock")
LIMITS = ("checkpoints", "models", "tensorboard", "noise", "reproductions", "runs", "dvc_cache")


def write_aged_project(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Adds stages, limits of no days and a registry to an empty project, the current directory, and commits it."""
    use_registry(project, monkeypatch)
    Path("dvc.yaml").write_text(STAGES)
    write_limits(0)
    git("add", "--all")
    git("commit", "--quiet", "--message", "empty")


def write_limits(days: float) -> None:
    """Writes a `retention.yaml` with the same number of days for each place."""
    Path("retention.yaml").write_text("".join(f"{name}_days: {days}\n" for name in LIMITS))


def make_outputs(text: str) -> None:
    """A new version of data and outputs, not committed."""
    for name in ("a", "b"):
        path = Path(f"data/{name}")
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(f"{name} {text}")
    add_data()
    run_if_stale("train")


def register_lineage(name: str = "segline") -> str:
    """Makes a version whose run keeps DVC's files of now, as `segline register` does; gives the run's id."""
    run_id = create_run()
    with opened() as (_, client):
        for file in FILES:
            client.log_artifact(run_id, file, "lineage")
        if not client.search_registered_models(f"name = '{name}'"):
            client.create_registered_model(name)
        tags = {"dvc_lock_md5": md5_of(Path("dvc.lock")), "git_commit": git("rev-parse", "HEAD")}
        model = client.create_logged_model(client.get_run(run_id).info.experiment_id, "model", run_id).model_id
        client.create_model_version(name, f"models:/{model}", run_id, tags=tags)
        client.set_terminated(run_id, "FINISHED")
    return run_id


def check_out(files: dict[str, bytes]) -> None:
    """Puts DVC's files in place and takes data and outputs from the cache; fails if an object is missing."""
    from dvc.repo import Repo

    for name, content in files.items():
        Path(name).write_bytes(content)
    for folder in ("data", "work"):
        shutil.rmtree(folder, ignore_errors=True)
    with Repo(".") as repo:
        repo.checkout(force=True)


def read_files() -> dict[str, bytes]:
    """DVC's files as they are now."""
    return {name: Path(name).read_bytes() for name in FILES if Path(name).exists()}


def git(*words: str) -> str:
    """The output of a git command."""
    return subprocess.check_output(["git", *words], text=True, env={**os.environ, "GIT_PAGER": ""}).strip()
