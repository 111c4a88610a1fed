"""A training as it is seen while it runs."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pipeline.dataset.contract import ClassList
from pipeline.dataset.packed import Packed
from pipeline.errors import TrainingError
from pipeline.monitoring.journal import LOGS, Step, find_journal, read_training
from pipeline.monitoring.lines import LINES
from pipeline.monitoring.live_metrics import Details, LiveMetrics, metric_names
from pipeline.vision.codec import read_image
from tests.conftest import small_files

CLASSES = ClassList(("road", "a/../<b>", "sign"), ((90, 90, 90), (200, 40, 40), (40, 40, 200)), 255)
PIXELS = {"road": 9, "a/../<b>": 9, "sign": 0}
VAL = Packed(np.zeros((2, 8, 12, 3), np.uint8), np.zeros((2, 8, 12), np.uint8))


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(LINES, raising=False)


def start(num_epochs: int = 3) -> LiveMetrics:
    """What shows a training on two val images."""
    return LiveMetrics(CLASSES, PIXELS, VAL, num_epochs)


def row(epoch: int, loss: float = 0.5) -> dict[str, float]:
    """An epoch as it is in history.csv."""
    return {"epoch": epoch, "loss": loss, "val_loss": math.nan, "val_mean_iou": 0.25}


def details(iou: Sequence[float] = (0.5, 0.0, math.nan)) -> Details:
    """The rest of an epoch."""
    return Details(20.0, np.array(iou), [np.zeros((8, 12), np.uint8)] * 2)


def list_events() -> list[tuple[int, str]]:
    """Step and tag of everything that TensorBoard has."""
    files = [path for path in LOGS.rglob("events.out.*") if path.is_file()]
    events = [event for file in files for event in tf.compat.v1.train.summary_iterator(str(file))]
    return [(event.step, value.tag) for event in events for value in event.summary.value]


def test_each_epoch_reaches_tensorboard_once() -> None:
    """Epochs done before a kill and now make one curve; the epoch is the step; a class that val lacks has no curve."""
    with start() as live:
        live.log(row(1))
        live.log(row(2), details())
    shared = ["loss", "val_loss", "val_mean_iou"]
    more = ["images_per_s", "val_iou/road", "val_iou/a_..__b_"]
    events = list_events()
    assert events[:3] == [(1, name) for name in shared]
    assert events[3:-1] == [(2, name) for name in shared + more]


def test_the_panel_is_a_picture_of_each_drawn_epoch() -> None:
    """In a file that the flow can send on, and in TensorBoard."""
    with start() as live:
        assert live.places == [0, 1]
        for epoch in (1, 2):
            live.log(row(epoch), details())
    assert [event for event in list_events() if event[1] == "panel"] == [(1, "panel"), (2, "panel")]
    first, second = sorted(LOGS.rglob("*.png"))
    assert (first.name, second.name) == ("epoch_0001.png", "epoch_0002.png")
    assert read_image(second).shape[1] > read_image(first).shape[1]


def test_lines_are_printed_where_they_are_wanted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The flow sets a variable and reads metrics and panel back; by hand nobody wants to see JSON."""
    with start() as live:
        live.log(row(1), details())
        assert capsys.readouterr().out == ""
        monkeypatch.setenv(LINES, "1")
        live.log(row(2), details())
    metrics, panel = capsys.readouterr().out.splitlines()
    values = json.loads(metrics.removeprefix("metrics: "))
    assert values["epoch"] == 2 and values["images_per_s"] == 20 and values["val_iou/a_..__b_"] == 0
    assert "val_iou/sign" not in values
    assert Path(panel.removeprefix("panel: ")).is_file()


def test_a_warning_is_given_once(capsys: pytest.CaptureFixture[str]) -> None:
    """It is printed and in the journal, after the epoch that gives rise to it."""
    with start(6) as live:
        for epoch in range(1, 7):
            live.log(row(epoch, 0.5 - epoch / 100), details())
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("train: warning: class 'a/../<b>' has val IoU 0 after 3 of 6 epochs")
    folder = find_journal([Path()])
    assert folder and read_training(folder).warnings == [line.removeprefix("train: warning: ")]


def test_the_journal_has_steps_epochs_and_the_end() -> None:
    """An epoch before a resumption lacks what history.csv lacks; nan is left out."""
    with pytest.raises(TrainingError), start() as live:
        live.log(row(1))
        live.log(row(2), details())
        live.log_step(Step(3, 1, 2, 0.5, 20.0, 1.0))
        assert read_training(live.folder).step
        raise TrainingError("the loss is nan")
    state = read_training(live.folder)
    assert state.end == "the loss is nan" and not state.is_under_way
    before, now = state.epochs
    assert before.iou == [] and math.isnan(before.left_s) and before.metrics == {"loss": 0.5, "val_mean_iou": 0.25}
    assert now.iou[:2] == [0.5, 0.0] and now.left_s >= 0 and now.metrics["images_per_s"] == 20


def test_nothing_is_shown_of_epochs_alone() -> None:
    """A program that runs epochs without a training leaves no files."""
    live = start()
    live.log_step(Step(1, 1, 2, 0.5, 20.0, 1.0))
    live.log(row(1))
    assert not LOGS.exists()


def test_no_fault_of_what_is_shown_stops_a_training(capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that cannot be made, a full disk and a picture that does not fit give one warning for each part."""
    Path("logs").touch()
    with start() as live:
        for epoch in (1, 2):
            live.log(row(epoch), details())
    Path("logs").unlink()
    with start() as live:
        live.log(row(1), Details(20.0, np.array([0.5, 0.5, 0.5]), [np.zeros((9, 9, 9), np.uint8)]))
        live.log(row(2), details())
        with small_files(1):
            live.log(row(3), details())
            live.log(row(3), details())
    told = capsys.readouterr().err
    assert told.count("goes on without its journal: ") == 2
    assert told.count("goes on without its panel: ") == 2
    assert told.count("goes on without TensorBoard's files: ") <= 2


def test_classes_that_look_alike_as_metrics_keep_apart() -> None:
    """Each gets its id; MLflow would draw them as one curve."""
    assert metric_names(["a/b", "a_b", "c"]) == ["val_iou/a_b 0", "val_iou/a_b 1", "val_iou/c"]
