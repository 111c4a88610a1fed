"""The command `segline watch`, by its step."""

import os
import pty
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pipeline.errors import StageError
from pipeline.monitoring.journal import JOURNAL, LOGS, Ended, Epoch, Journal, Warned
from pipeline.repository.checkout import CLONE
from pipeline.steps.watch import follow, watch

COMMAND = [sys.executable, "-c", "from pipeline.steps.watch import watch; print(watch(False).end)"]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def epoch(number: int) -> Epoch:
    """An epoch of a training on two classes."""
    return Epoch(number, {"loss": 1 / number, "val_mean_iou": 0.5}, [0.75, 0.25], 10.0)


def test_no_training_is_an_error_that_says_what_to_run() -> None:
    """And none of another folder counts."""
    with pytest.raises(StageError, match="no training has begun here; start one with `segline run` or `dvc repro`"):
        watch(once=True)


@pytest.mark.parametrize("checkout", [Path(), CLONE])
def test_once_shows_the_state_and_ends(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a training that goes on here or in a scheduled run."""
    journal = Journal(checkout / LOGS / "a", 3, ["road", "car"])
    journal.write(epoch(1))
    assert watch(once=True).is_under_way
    journal.close()
    text = capsys.readouterr().out
    assert "1 of 3 epochs, under way" in text and "car  0.250" in text


@pytest.mark.e2e
def test_a_pipe_gets_a_line_for_each_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    """Those that are done, then each new one, warnings, and the end."""
    journal = Journal(LOGS / "a", 3, ["road", "car"])
    for event in (epoch(1), Warned(1, "careful"), epoch(2)):
        journal.write(event)

    def go_on() -> None:
        time.sleep(0.2)
        journal.write(epoch(3))
        journal.write(Ended(""))
        journal.close()

    thread = threading.Thread(target=go_on)
    thread.start()
    assert watch(once=False).end == ""
    thread.join()
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        *("epoch 1/3", "epoch 2/3", "warning", "epoch 3/3", "training finished")
    ]


def test_a_training_that_was_killed_is_not_waited_for() -> None:
    """Its journal has no end, and no process holds it."""
    Journal(LOGS / "a", 3, ["road"]).close()
    (state,) = follow(LOGS / "a")
    assert state.end is None and not state.is_under_way


@pytest.mark.e2e
def test_a_terminal_is_drawn_on_until_ctrl_c() -> None:
    """The screen follows the journal; Ctrl-C ends the command, without an error."""
    journal = Journal(LOGS / "a", 3, ["road", "car"])
    main, side = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100", "LINES": "40"}
    with subprocess.Popen(COMMAND, stdout=side, stdin=side, env=environment) as process:
        os.close(side)
        seen = ""
        for number in (1, 2):
            journal.write(epoch(number))
            while f"{number} of 3 epochs" not in seen:
                seen += os.read(main, 1 << 16).decode()
        process.send_signal(signal.SIGINT)
        while "None" not in seen:
            seen += os.read(main, 1 << 16).decode()
        assert process.wait() == 0 and "\x1b[" in seen
    os.close(main)
    journal.close()
    assert (LOGS / "a" / JOURNAL).exists()
