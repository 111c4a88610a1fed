"""Tests of pipeline/backend/tf.py."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from pipeline.backend.tf import TensorBoardLog
from pipeline.vision.codec import encode_png


def test_scalars_land_in_an_event_file(tmp_path: Path) -> None:
    """TensorBoard's own reader finds the scalar of each epoch."""
    board = TensorBoardLog(tmp_path)
    for epoch in (1, 2):
        board.write({"loss": 0.5 / epoch}, epoch)
    board.close()
    events = [event for file in tmp_path.iterdir() for event in tf.compat.v1.train.summary_iterator(str(file))]
    assert [event.step for event in events if event.summary.value] == [1, 2]


def test_a_picture_lands_as_it_is(tmp_path: Path) -> None:
    """TensorBoard's own reader finds the PNG with its size, as a picture."""
    board = TensorBoardLog(tmp_path)
    png = encode_png(np.zeros((6, 9, 3), np.uint8))
    board.write_picture("panel", png, (6, 9), 3)
    board.close()
    accumulator = EventAccumulator(str(tmp_path), size_guidance={"tensors": 0})
    accumulator.Reload()
    assert accumulator.SummaryMetadata("panel").plugin_data.plugin_name == "images"
    (event,) = accumulator.Tensors("panel")
    assert event.step == 3 and list(event.tensor_proto.string_val) == [b"9", b"6", png]


def test_a_folder_that_takes_no_scalars_stops_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where TensorBoard's files cannot be written, that is said once and the training goes on."""
    (tmp_path / "logs").touch()
    board = TensorBoardLog(tmp_path / "logs/tensorboard")
    for epoch in (1, 2):
        board.write({"loss": 0.5 / epoch}, epoch)
    board.close()
    assert capsys.readouterr().err.count("warning: training goes on without TensorBoard's files: ") == 1
