"""Metrics that can be watched while a training runs: TensorBoard files, and lines that the flow forwards to MLflow."""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LOGS = Path("logs/tensorboard")
LINES = "SEGLINE_METRIC_LINES"
"""Environment variable: if it is set, each epoch's metrics are printed as JSON after `PREFIX`."""
PREFIX = "metrics: "


class LiveMetrics:
    """Sends each epoch's metrics on; nothing here can stop a training."""

    def __enter__(self) -> "LiveMetrics":
        import keras  # seconds to import, and the flow needs the names above alone

        self.board: Any = None
        if keras.backend.backend() == "tensorflow":
            from pipeline.backend.tf import TensorBoardLog

            self.board = TensorBoardLog(LOGS / time.strftime("%Y%m%d-%H%M%S"))
        return self

    def __exit__(self, *_: object) -> None:
        if self.board:
            self.board.close()

    def log(self, row: Mapping[str, float]) -> None:
        """Sends one epoch's metrics; `epoch` is the step."""
        if self.board:
            scalars = {name: value for name, value in row.items() if name != "epoch"}
            self.board.write(scalars, int(row["epoch"]))
        if os.environ.get(LINES):
            print(f"{PREFIX}{json.dumps(row)}", flush=True)
