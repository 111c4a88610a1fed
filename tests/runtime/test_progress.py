"""Progress lines."""

import pytest

from pipeline.runtime.progress import Progress, duration


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
