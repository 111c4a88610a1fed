"""The choice of a precision."""

import dataclasses
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import StageError, TrainingError
from pipeline.training.precision import AUTO, BFLOAT16, FLOAT32, StepTimes, known_step_times, measure, settle

SLOW = StepTimes(0.1, 5.0, None)
STOPPED = StepTimes(0.1, None, None)
FAILED = StepTimes(0.1, None, "no such primitive")
FAST = StepTimes(0.1, 0.05, None)


@pytest.mark.parametrize(
    ("times", "faster", "says"),
    [
        (FAST, BFLOAT16, "a step takes 0.100 s in float32, 0.050 s in mixed_bfloat16"),
        (StepTimes(0.1, 0.081, None), BFLOAT16, "0.081 s in mixed_bfloat16"),
        (StepTimes(0.1, 0.091, None), FLOAT32, "0.091 s in mixed_bfloat16"),
        (SLOW, FLOAT32, "5.000 s in mixed_bfloat16"),
        (STOPPED, FLOAT32, "mixed_bfloat16 was stopped as much slower"),
        (FAILED, FLOAT32, "mixed_bfloat16 fails (no such primitive)"),
    ],
)
def test_bfloat16_is_taken_where_it_is_clearly_faster(times: StepTimes, faster: str, says: str) -> None:
    """A gain that noise could explain is none; both times are reported."""
    assert times.faster == faster
    assert says in str(times)


def test_bfloat16_that_does_not_run_is_refused() -> None:
    """The reason is given, and what to do."""
    with pytest.raises(TrainingError, match=r"mixed_bfloat16 does not run .* \(no such primitive\); set train.prec"):
        settle(BFLOAT16, FAILED, 9)


def test_bfloat16_that_is_slower_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever asks for it gets it, with a warning if float32 is faster and none if it is not known to be."""
    for times in (FAST, None):
        assert settle(BFLOAT16, times, 9) == BFLOAT16
    assert not capsys.readouterr().out
    for times in (SLOW, STOPPED):
        assert settle(BFLOAT16, times, 9) == BFLOAT16
        assert "warning: mixed_bfloat16 is slower on this machine than float32: a step" in capsys.readouterr().out


def test_auto_says_what_was_measured_and_how_long_it_will_take(capsys: pytest.CaptureFixture[str]) -> None:
    """It stands for the faster one; for float32 if nothing is known."""
    assert settle(AUTO, FAST, 100) == BFLOAT16
    assert "100 steps will take about 5 s, validation comes on top" in capsys.readouterr().out
    assert settle(AUTO, SLOW, 100) == settle(AUTO, None, 100) == FLOAT32


def test_what_was_measured_stays(tmp_path: Path) -> None:
    """A second look measures nothing; for another network or machine it does."""
    assert known_step_times({"width": 4}, lambda: FAST, tmp_path) == FAST
    assert known_step_times({"width": 4}, lambda: SLOW, tmp_path) == FAST
    assert known_step_times({"width": 8}, lambda: FAILED, tmp_path) == FAILED
    assert known_step_times({"width": 8}, lambda: SLOW, tmp_path) == FAILED


def test_nothing_is_kept_where_not_even_float32_runs(tmp_path: Path) -> None:
    """The next training measures again."""
    assert known_step_times(1, lambda: None, tmp_path) is None
    assert known_step_times(1, lambda: STOPPED, tmp_path) == STOPPED


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"float32_s": 1, "bfloat16_s": "2", "failure": null}',
        '{"float32_s": -1, "bfloat16_s": 2, "failure": null}',
        '{"float32_s": NaN, "bfloat16_s": 2, "failure": null}',
        '{"float32_s": 1, "bfloat16_s": 2, "failure": [7]}',
        '{"float32_s": null, "bfloat16_s": 2, "failure": null}',
    ],
)
def test_a_damaged_file_is_measured_again(tmp_path: Path, content: str) -> None:
    """It counts for nothing and is replaced."""
    known_step_times(1, lambda: SLOW, tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_text(content)
    assert known_step_times(1, lambda: FAST, tmp_path) == FAST
    assert json.loads(path.read_text()) == dataclasses.asdict(FAST)


def test_a_folder_that_keeps_nothing_is_reported_before_anything_is_measured(tmp_path: Path) -> None:
    """A choice that cannot be kept could be another one the next time."""
    (tmp_path / "file").touch()
    with pytest.raises(StageError, match="cannot be written to"):
        known_step_times(1, lambda: pytest.fail("measured"), tmp_path / "file")


class Sleeper:
    """Stands for a trainer whose step takes a known time, or never comes to its end."""

    def __init__(self, precision: str, of_bfloat16: str) -> None:
        self.seconds = 0.2 if precision == FLOAT32 else {"quick": 0.02, "hanging": 1e6}.get(of_bfloat16, 0.0)
        self.behaviour = "" if precision == FLOAT32 else of_bfloat16

    def learn(self, batch: Mapping[str, Any]) -> float:
        """Sleeps; raises or ends the process if it stands for that."""
        time.sleep(self.seconds)
        if self.behaviour == "raising":
            raise ValueError("Graph execution error:\n\nno such primitive\n\t [[{{node x}}]] [Op:y]")
        if self.behaviour == "dying":
            os.abort()
        return 0.0


class Builder:
    """Makes the trainers."""

    def __init__(self, of_bfloat16: str) -> None:
        self.of_bfloat16 = of_bfloat16

    def __call__(self, precision: str) -> Sleeper:
        """A trainer for a precision."""
        if self.of_bfloat16 == "nothing runs":
            raise ValueError("no memory")
        return Sleeper(precision, self.of_bfloat16)


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("of_bfloat16", "says"),
    [
        ("quick", "s in mixed_bfloat16"),
        ("hanging", "was stopped as much slower"),
        ("raising", "fails (no such primitive)"),
        ("dying", "fails (its process was ended by the system)"),
    ],
)
def test_a_measurement_ends_whatever_bfloat16_does(of_bfloat16: str, says: str) -> None:
    """The process of its own is ended; what it did is reported."""
    times = measure(Builder(of_bfloat16), [{}], 1)
    assert times and says in str(times)
    assert 0.2 <= times.float32_s < 2 and (times.faster == BFLOAT16) == (of_bfloat16 == "quick")


@pytest.mark.e2e
def test_bfloat16_is_not_tried_without_instructions() -> None:
    """A processor that emulates it is never faster with it; so nobody waits for it."""
    times = measure(Builder("hanging"), [{}], 1, with_bfloat16=False)
    assert times and times.faster == FLOAT32
    assert str(times).endswith("s in float32; this processor has no instructions for mixed_bfloat16")


@pytest.mark.e2e
def test_nothing_is_known_where_nothing_runs() -> None:
    """The training itself will say why."""
    assert measure(Builder("nothing runs"), [{}], 1) is None
