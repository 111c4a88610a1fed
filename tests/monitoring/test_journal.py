"""The journal of a training."""

import math
import os
import time
from pathlib import Path

import pytest

from pipeline.errors import EvidenceError
from pipeline.monitoring.journal import JOURNAL, LOGS, Ended, Epoch, Journal, Step, Warned, find_journal, read_training

STEP = Step(2, 3, 9, 0.5, 20.0, 60.0)
EPOCH = Epoch(1, {"loss": 0.5}, [0.25, math.nan], 90.0)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """Whoever reads sees each line at once, and whether the writer lives."""
    journal = Journal(tmp_path, 9, ["road", "<b>"])
    assert read_training(tmp_path).is_under_way and not read_training(tmp_path).epochs
    for event in (EPOCH, Warned(1, "the loss"), STEP):
        journal.write(event)
    state = read_training(tmp_path)
    assert state.began.num_epochs == 9 and state.began.classes == ["road", "<b>"] and state.step == STEP
    assert abs(state.began.began_s - time.time()) < 60
    assert str(state.epochs) == str([EPOCH]) and state.warnings == ["the loss"] and state.end is None
    journal.write(Ended(""))
    journal.close()
    state = read_training(tmp_path)
    assert (state.is_under_way, state.step, state.end) == (False, None, "")


def test_a_line_that_is_being_written_is_left_out(tmp_path: Path) -> None:
    """It counts as soon as it is whole."""
    Journal(tmp_path, 9, ["road"]).close()
    with (tmp_path / JOURNAL).open("a") as file:
        file.write('{"event": "warned", "epoch": 1, ')
        file.flush()
        assert not read_training(tmp_path).warnings
        file.write('"text": "x"}\n')
    assert read_training(tmp_path).warnings == ["x"]


@pytest.mark.parametrize("line", ["{", "[]", '{"event": "party"}', '{"event": "epoch", "epoch": "one"}', "\xff", ""])
def test_a_damaged_journal_is_named(tmp_path: Path, line: str) -> None:
    """With what to do; so is one that lacks its beginning, and one that is gone."""
    Journal(tmp_path, 9, ["road"]).close()
    with (tmp_path / JOURNAL).open("a", encoding="latin-1") as file:
        file.write(f"{line}\n")
    with pytest.raises(EvidenceError, match=f"{JOURNAL}: is damaged .*; delete {tmp_path}"):
        read_training(tmp_path)
    (tmp_path / JOURNAL).write_text('{"event": "warned", "epoch": 1, "text": "x"}\n')
    with pytest.raises(EvidenceError, match="does not begin with the training's beginning"):
        read_training(tmp_path)
    (tmp_path / JOURNAL).unlink()
    with pytest.raises(EvidenceError, match="cannot be read"):
        read_training(tmp_path)


def test_the_training_under_way_is_found_before_a_newer_one(tmp_path: Path) -> None:
    """Of those that have ended the newest, in whichever checkout; folders of TensorBoard alone are none."""
    here, clone = tmp_path / "here", tmp_path / "clone"
    assert find_journal((here, clone)) is None
    (here / LOGS / "old").mkdir(parents=True)
    assert find_journal((here, clone)) is None
    journals = [Journal(at / LOGS / name, 9, ["road"]) for at, name in ((here, "a"), (clone, "b"), (here, "c"))]
    for seconds, journal in enumerate(journals):
        os.utime(journal.file.name, (seconds, seconds))
    journals[0].close()
    journals[2].close()
    assert find_journal((here, clone)) == clone / LOGS / "b"
    journals[1].close()
    assert find_journal((here, clone)) == here / LOGS / "c"
