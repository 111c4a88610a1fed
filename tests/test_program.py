"""Tests of pipeline/program.py."""

from pathlib import Path

import pytest

from pipeline.errors import DataError
from pipeline.program import run
from tests.conftest import on_a_full_disk


def _refuse() -> None:
    raise DataError("data: is empty; bring some in")


def _interrupt() -> None:
    raise KeyboardInterrupt


def _break() -> None:
    raise ZeroDivisionError("ours")


def test_what_a_user_can_mend_ends_as_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    """An error of ours gives its message on stderr and exit code 1, without a traceback."""
    with pytest.raises(SystemExit) as exit_:
        run(_refuse)
    assert exit_.value.code == 1
    assert capsys.readouterr().err == "error: data: is empty; bring some in\n"


def test_a_message_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever name is in it."""

    def refuse() -> None:
        raise DataError("\x1b[2J\udcff.png: is odd\n  rename it")

    with pytest.raises(SystemExit):
        run(refuse)
    assert capsys.readouterr().err == "error: \\x1b[2J\\udcff.png: is odd\n  rename it\n"


@on_a_full_disk
def test_a_full_disk_is_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    """What the system says of a full disk is told with what to do."""

    def write() -> None:
        Path("/dev/full").write_text("x")

    with pytest.raises(SystemExit):
        run(write)
    assert "No space left on device; free some space and run the same command again" in capsys.readouterr().err


def test_an_interrupt_says_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C ends with the exit code that shells expect."""
    with pytest.raises(SystemExit) as exit_:
        run(_interrupt)
    assert exit_.value.code == 130
    assert "start the same command again" in capsys.readouterr().err


def test_a_mistake_of_ours_keeps_its_traceback() -> None:
    """What is not a SeglineError is not hidden."""
    with pytest.raises(ZeroDivisionError, match="ours"):
        run(_break)
