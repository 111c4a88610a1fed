"""Progress as plain lines, for the logs of DVC, Prefect and CI."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

INTERVAL_S = 5.0


class Progress:
    """Prints progress, speed and remaining time of a job every few seconds."""

    def __init__(self, name: str, total: int, unit: str) -> None:
        self.name, self.total, self.unit = name, total, unit
        self.done = 0
        self.started = self.printed = time.monotonic()

    def advance(self, number: int = 1) -> None:
        """Counts `number` more as done."""
        self.done += number
        if time.monotonic() - self.printed >= INTERVAL_S:
            self._print()

    def close(self) -> None:
        """Prints the last line."""
        self._print()

    def _print(self) -> None:
        self.printed = time.monotonic()
        speed = self.done / max(self.printed - self.started, 1e-9)
        left = (self.total - self.done) / speed if speed else float("inf")
        line = f"{self.name}: {self.done}/{self.total} {self.unit}, {speed:.1f} {self.unit}/s"
        print(line if self.done == self.total else f"{line}, {duration(left)} left", flush=True)


@contextmanager
def progress_of(name: str, num_images: int) -> Iterator[Callable[[], None]]:
    """Gives a function that counts one image: on a terminal as a bar, in a file or a log as lines."""
    if not sys.stderr.isatty():
        lines = Progress(name, num_images, "images")
        yield lines.advance
        lines.close()
        return
    from rich import progress as bars
    from rich.console import Console

    columns = (
        bars.TextColumn(name),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TextColumn("{task.fields[speed]:.1f} images/s"),
        bars.TimeRemainingColumn(),
        bars.TextColumn("left"),
    )
    with bars.Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=num_images, speed=0.0)

        def advance() -> None:
            bar.advance(task)
            bar.update(task, speed=bar.tasks[0].speed or 0.0)

        yield advance


def duration(seconds: float) -> str:
    """A length of time in words: "48 s", "3 min 20 s", "1 h 5 min"."""
    if seconds == float("inf"):
        return "unknown time"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
