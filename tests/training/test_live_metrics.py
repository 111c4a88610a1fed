"""Metrics that can be watched."""

from pathlib import Path

import pytest
import tensorflow as tf

from pipeline.training.live_metrics import LINES, LOGS, LiveMetrics


def test_each_epoch_reaches_tensorboard_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Epochs done before a kill and epochs done now make one curve; the epoch itself is the step, not a metric."""
    monkeypatch.chdir(tmp_path)
    with LiveMetrics() as live:
        live.log({"epoch": 1, "loss": 0.5})
        live.log({"epoch": 2, "loss": 0.25})
    (file,) = (path for path in LOGS.rglob("*") if path.is_file())
    events = [event for event in tf.compat.v1.train.summary_iterator(str(file)) if event.summary.value]
    assert [(event.step, event.summary.value[0].tag) for event in events] == [(1, "loss"), (2, "loss")]


@pytest.mark.parametrize("variables", [{}, {LINES: "1"}])
def test_lines_are_printed_where_they_are_wanted(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The flow sets a variable and reads each epoch's metrics back; by hand nobody wants to see JSON."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(LINES, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with LiveMetrics() as live:
        live.log({"epoch": 2, "loss": 0.25})
    assert capsys.readouterr().out == ('metrics: {"epoch": 2, "loss": 0.25}\n' if variables else "")
