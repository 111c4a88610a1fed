"""A project whose stages take a second each, to try the flow itself; `train` prints its epochs as the real one does."""

import base64
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from flows.server import OWN_HOME, prefect_server
from tests.finished_project import commit, temporary_folder

STAGES = """\
stages:
  validate:
    cmd: mkdir work/validate && cp data/images/a work/validate/manifest.csv
    deps: [data]
    outs: [work/validate]
  train:
    cmd: python train.py
    deps: [train.py, work/validate]
    outs: [work/train]
  gate:
    cmd: python gate.py
    deps: [gate.py, work/train]
    params: [gate]
    outs: [work/gate]
"""
TRAIN = """\
import os, time
from pathlib import Path
for epoch in range(1, 4):
    if os.environ.get("SEGLINE_METRIC_LINES"):
        print(f'metrics: {{"epoch": {epoch}, "loss": 1.0}}', flush=True)
    print(f"epoch {epoch}/3 of process {os.getpid()} run {os.environ.get('MLFLOW_RUN_ID')}", flush=True)
    time.sleep(0.3)
Path("work/train").mkdir()
Path("work/train/model").write_text("weights")
"""
GATE = """\
from pipeline.evaluation.reasons import Reason
from pipeline.evaluation.verdict import Verdict
low = Reason("below_floor", {"name": "mean_iou", "value": 0.5, "threshold": 0.7})
Verdict(False, (low,), None, 0.5, None).write()
"""


def write_tiny_flow(project: Path) -> None:
    """Writes and commits data, stages and their programs; the gate rejects, so that nothing is registered.

    The project's own Prefect server finds its tables, which it would make at its first start.
    """
    (project / "work").mkdir()
    (project / OWN_HOME).mkdir(parents=True)
    shutil.copy(_prefect_tables(), project / OWN_HOME / "prefect.db")
    (project / "data/images").mkdir(parents=True)
    (project / "data/images/a").write_text("a")
    (project / "dvc.yaml").write_text(STAGES)
    (project / "train.py").write_text(TRAIN)
    (project / "gate.py").write_text(GATE)
    commit()


@cache
def _prefect_tables() -> Path:
    """An SQLite file with Prefect's tables; making them takes 15 s, copying them none."""
    home = temporary_folder()
    command = ("prefect", "server", "database", "upgrade", "--yes")
    environment = {**os.environ, "PREFECT_HOME": str(home)}
    subprocess.run((sys.executable, "-m", *command), env=environment, check=True, stdout=subprocess.DEVNULL)
    return home / "prefect.db"


@contextmanager
def started(*words: str, start_new_session: bool = False) -> Iterator[subprocess.Popen[str]]:
    """Runs a Python module for as long as the block lasts; its whole output comes from `stdout`."""
    command, pipe, both = [sys.executable, "-u", "-m", *words], subprocess.PIPE, subprocess.STDOUT
    with subprocess.Popen(command, stdout=pipe, stderr=both, text=True, start_new_session=start_new_session) as child:
        try:
            yield child
        finally:
            child.kill()


def run_module(*words: str) -> tuple[int, str]:
    """Runs a Python module to its end; gives exit code and output."""
    with started(*words) as child:
        output, _ = child.communicate()
    return child.returncode, output


def run_flow() -> tuple[int, str]:
    """Runs `segline run` to its end; gives exit code and output."""
    return run_module("segline.command", "run")


def ask_prefect(*kinds: str) -> list[list[dict[str, Any]]]:
    """All rows of some kinds, such as "flow_runs", that Prefect holds of this project."""
    with prefect_server() as address:
        return [_ask(f"{address}/{kind}/filter") for kind in kinds]


def _ask(url: str) -> list[dict[str, Any]]:
    key = base64.b64encode(os.environ["PREFECT_API_AUTH_STRING"].encode()).decode()
    headers = {"Content-Type": "application/json", "Authorization": f"Basic {key}"}
    with urllib.request.urlopen(urllib.request.Request(url, b"{}", headers)) as answer:
        rows: list[dict[str, Any]] = json.load(answer)
        return rows


def mlflow_states() -> list[str]:
    """The state of each MLflow run of this project that is not deleted, oldest first."""
    with closing(sqlite3.connect("mlflow.db")) as file:
        query = "SELECT status FROM runs WHERE lifecycle_stage = 'active' ORDER BY start_time"
        return [status for (status,) in file.execute(query)]
