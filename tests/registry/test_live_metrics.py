"""Metrics that can be watched."""

from pathlib import Path

import pytest
import tensorflow as tf

from pipeline.registry.live_metrics import LOGS, LiveMetrics


def test_each_epoch_reaches_tensorboard_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Epochs done before a kill and epochs done now make one curve; the epoch itself is the step, not a metric."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    with LiveMetrics() as live:
        live.replay([{"epoch": 1, "loss": 0.5}])
        live.log({"epoch": 2, "loss": 0.25})
    (file,) = (path for path in LOGS.rglob("*") if path.is_file())
    events = [event for event in tf.compat.v1.train.summary_iterator(str(file)) if event.summary.value]
    assert [(event.step, event.summary.value[0].tag) for event in events] == [(1, "loss"), (2, "loss")]
