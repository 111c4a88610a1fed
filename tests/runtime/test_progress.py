"""Progress lines."""

import io
import re
import sys
from typing import cast

import pytest

from pipeline.runtime.progress import Progress, duration, progress_of


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (200, "3 min 20 s"),
        (3900, "1 h 5 min"),
        (float("inf"), "unknown time"),
    ],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    """A length of time reads as people say it."""
    assert duration(seconds) == words


def test_last_line_says_all(capsys: pytest.CaptureFixture[str]) -> None:
    """The closing line counts everything and promises no time left."""
    progress = Progress("scan", 3, "images")
    progress.advance(3)
    progress.close()
    assert "scan: 3/3 images, " in (out := capsys.readouterr().out) and "left" not in out


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Yes."""
        return True


def test_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal there is a bar with counts, images per second and the time left."""
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("COLUMNS", "100")
    with progress_of("predict", 2) as advance:
        advance()
        advance()
    assert re.search(r"predict.*2/2.*images/s.*0:00:00", cast(Terminal, sys.stderr).getvalue())


def test_log_gets_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """Where the output is kept, there are plain lines."""
    with progress_of("predict", 1) as advance:
        advance()
    assert "predict: 1/1 images" in capsys.readouterr().out
