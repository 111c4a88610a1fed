"""A finished project under git and DVC, whose model is registered and is champion: all that can be verified of one."""

import shutil
import sqlite3
import subprocess
from contextlib import closing
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

import pytest

from pipeline.dataset.versions import add_data
from pipeline.disk.files import md5_of
from pipeline.disk.yaml_text import parse_yaml, to_yaml
from pipeline.ledger import aliases
from pipeline.ledger.ledger import new_line
from pipeline.registry.client import Version
from pipeline.registry.connection import SQLITE, tracking_uri
from pipeline.registry.runs import SERVING_CODE
from pipeline.steps.register import register
from tests.finished_project import ROOT, commit, use_registry, write_lock, write_project

PACKAGE = "numpy"
DVC_SETTINGS = (".dvc/config", ".dvc/.gitignore")


def write_registered(root: Path, monkeypatch: pytest.MonkeyPatch) -> Version:
    """Fills the folder `root`, which becomes the current one, and gives the version that is registered and champion."""
    monkeypatch.setenv("SEGLINE_ACTOR", "tester")
    monkeypatch.setattr(aliases, "PAUSE_S", 0.01)
    write_project(root, monkeypatch)
    for name in DVC_SETTINGS:
        Path(name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, name)
    Path("requirements.lock").write_text(f"{PACKAGE}=={version_of(PACKAGE)} \\\n    --hash=sha256:0\n")
    Path(".gitignore").write_text(Path(".gitignore").read_text() + "/checkpoints/\n")
    Path("pipeline/serving").mkdir()
    shutil.copy(SERVING_CODE, "pipeline/serving")
    add_data()
    lock_code()
    commit()
    subprocess.run(["git", "update-ref", "refs/remotes/origin/main", "HEAD"], check=True)
    use_registry(root, monkeypatch)
    version = register()
    decide("refuse")
    decide("promote")
    return version


def lock_code() -> None:
    """Writes `dvc.lock` as DVC would if each stage depended on all the code."""
    data_dvc = Path("data.dvc").read_text()
    write_lock()
    Path("data.dvc").write_text(data_dvc)
    content = parse_yaml(Path("dvc.lock").read_text())
    for stage in content["stages"].values():
        stage["deps"] += [{"path": path, "md5": md5_of(Path(path))} for path in ("pipeline", "pipeline/code.py")]
    Path("dvc.lock").write_text(to_yaml(content))


def decide(kind: Any, number: int = 1) -> None:
    """Writes a line of the ledger on a version."""
    standing = aliases.read_standing()
    aliases.record(new_line(kind, number, standing.lines, standing.found, ["because"], {}))


def stored(name: str) -> Path:
    """A file of the version's run or model, in the registry's own folder."""
    (path,) = Path("mlartifacts").rglob(name)
    return path


def change_byte(path: Path) -> None:
    """Flips a bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)


def execute(statement: str, *values: Any) -> None:
    """Changes MLflow's database behind its back; exactly one row has to be concerned."""
    with closing(sqlite3.connect(tracking_uri().removeprefix(SQLITE))) as base, base:
        assert base.execute(statement, values).rowcount == 1, statement
