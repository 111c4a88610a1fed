"""Shows the training that is under way, or the last one."""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from rich.console import Console
from rich.live import Live

from pipeline.errors import StageError
from pipeline.monitoring.journal import LOGS, Training, find_journal, read_training
from pipeline.monitoring.screen import describe_epoch, describe_state, render
from pipeline.repository.checkout import CLONE
from pipeline.text import printable

INTERVAL_S = 1.0


def watch(once: bool) -> Training:
    """See `segline.watch`."""
    folder = find_journal((Path(), CLONE))
    if not folder:
        raise StageError(f"{LOGS}: no training has begun here; start one with `segline run` or `dvc repro`")
    console = Console()
    if once:
        training = read_training(folder)
        console.print(render(training))
        return training
    with suppress(KeyboardInterrupt):  # the training goes on
        (_show_on_screen if console.is_terminal else _print_lines)(console, folder)
    return read_training(folder)


def follow(folder: Path) -> Iterator[Training]:
    """The state of a training every second, until it has ended."""
    while True:
        training = read_training(folder)
        yield training
        if not training.is_under_way:
            return
        time.sleep(INTERVAL_S)


def _show_on_screen(console: Console, folder: Path) -> None:
    with Live(console=console, auto_refresh=False) as live:
        for training in follow(folder):
            live.update(render(training), refresh=True)


def _print_lines(_: Console, folder: Path) -> None:
    """A line for each epoch and warning that is new, and one for the end."""
    num_epochs = num_warnings = 0
    for training in follow(folder):
        for epoch in training.epochs[num_epochs:]:
            print(describe_epoch(epoch, training.began.num_epochs), flush=True)
        for text in training.warnings[num_warnings:]:
            print(f"warning: {printable(text)}", flush=True)
        num_epochs, num_warnings = len(training.epochs), len(training.warnings)
    print(f"training {describe_state(training)}", flush=True)
