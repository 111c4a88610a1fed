"""The MLflow run that a training reports to while it runs; none is left open, also not after a kill."""

import json
from collections.abc import Callable
from pathlib import Path

from pipeline.monitoring.lines import LINES, PANEL, PREFIX
from pipeline.registry.runs import close_run, log_epoch, log_panel, start_run
from pipeline.runtime.locks import FOLDER

RUN = "MLFLOW_RUN_ID"
OPEN_RUN = FOLDER / "open_run"
"""Names the run that is open."""


def open_live_run() -> dict[str, str]:
    """Opens a run and gives the environment that names it; empty if MLflow cannot be reached."""
    run_id = start_run()
    if run_id is None:
        return {}
    FOLDER.mkdir(exist_ok=True)
    OPEN_RUN.write_text(run_id)
    return {RUN: run_id, LINES: "1"}


def forwarding(on_line: Callable[[str], None], run_id: str) -> Callable[[str], None]:
    """Takes the lines of a training's output: metrics and panels go to an MLflow run, other lines to `on_line`."""

    def receive(line: str) -> None:
        if line.startswith(PANEL):
            log_panel(run_id, Path(line.removeprefix(PANEL)))
            return
        if not line.startswith(PREFIX):
            on_line(line)
            return
        row = json.loads(line.removeprefix(PREFIX))
        log_epoch(run_id, {name: value for name, value in row.items() if name != "epoch"}, int(row["epoch"]))

    return receive


def close_live_run() -> None:
    """Ends the run that this process or a killed one has left open.

    A run without metrics is deleted: DVC had the training's outputs and did not run it. If MLflow cannot be reached,
    the next call does so.
    """
    if not OPEN_RUN.exists():
        return
    if close_run(OPEN_RUN.read_text()):
        OPEN_RUN.unlink()
