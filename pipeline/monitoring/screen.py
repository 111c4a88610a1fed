"""The state of a training in a terminal, and an epoch of it as a line."""

import math
from collections.abc import Iterator
from datetime import datetime

from rich.bar import Bar
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipeline.monitoring.journal import Epoch, Training
from pipeline.runtime.progress import duration
from pipeline.text import printable, shown

NUM_CLASSES = 16
"""Bars that fit a terminal; of more classes the lowest are shown."""
NUM_WARNINGS = 3
BAR_WIDTH, NAME_WIDTH = 30, 24


def render(training: Training) -> RenderableType:
    """All that is known of a training now."""
    return Group(Text(headline(training), "bold"), _numbers(training), *_classes(training), *_warnings(training))


def headline(training: Training) -> str:
    """How far it has come, when it began, and where it is."""
    num_epochs, num_done = training.began.num_epochs, training.epochs[-1].epoch if training.epochs else 0
    began = datetime.fromtimestamp(training.began.began_s).strftime("%Y-%m-%d %H:%M")
    return f"{num_done} of {num_epochs} epochs, {describe_state(training)}\nbegan {began} ({training.folder})"


def describe_state(training: Training) -> str:
    """In words whether it is under way, and if not, why."""
    if training.is_under_way:
        return "under way"
    if training.end is None:
        return "killed; the same command again goes on after the last checkpoint"
    if training.end:
        return f"stopped: {shown(training.end)}"
    is_early = bool(training.epochs) and training.epochs[-1].epoch < training.began.num_epochs
    return "stopped early" if is_early else "finished"


def describe_epoch(epoch: Epoch, num_epochs: int) -> str:
    """An epoch as a line."""
    parts = [f"{words} {_number(epoch, name)}" for words, name in _SHOWN]
    left = [] if math.isnan(epoch.left_s) else [f"{duration(epoch.left_s)} left"]
    return f"epoch {epoch.epoch}/{num_epochs}: {', '.join(parts + left)}"


_SHOWN = (
    ("loss", "loss"),
    ("val loss", "val_loss"),
    ("val mean IoU", "val_mean_iou"),
    ("learning rate", "learning_rate"),
    ("images/s", "images_per_s"),
)
"""Words and name of a metric."""


def _number(epoch: Epoch, name: str) -> str:
    """A metric; - if it is nan, or of an epoch before a resumption."""
    value = epoch.metrics.get(name)
    if value is None:
        return "-"
    return f"{value:.1f}" if name == "images_per_s" else f"{value:.3g}" if name == "learning_rate" else f"{value:.4f}"


def _numbers(training: Training) -> Table:
    """Progress within the epoch, the metrics of the last epoch, the best one, and the time left."""
    table = Table.grid(padding=(0, 2))
    step, last = training.step, training.epochs[-1] if training.epochs else None
    left_s = step.left_s if step else last.left_s if last else math.nan
    if training.is_under_way and step:
        speed = f"loss {step.loss:.4f}, {step.images_per_s:.1f} images/s"
        table.add_row(f"epoch {step.epoch}", f"step {step.step} of {step.num_steps}, {speed}")
    if last:
        for words, name in _SHOWN:
            table.add_row(words, _number(last, name))
        table.add_row("best epoch", _best(training))
    if training.is_under_way and not math.isnan(left_s):
        table.add_row("time left", duration(left_s))
    return table


def _best(training: Training) -> str:
    scored = [epoch for epoch in training.epochs if "val_mean_iou" in epoch.metrics]
    if not scored:
        return "-"
    best = max(scored, key=lambda epoch: epoch.metrics["val_mean_iou"])
    return f"{best.epoch}, val mean IoU {_number(best, 'val_mean_iou')}"


def _classes(training: Training) -> Iterator[RenderableType]:
    """A bar for the val IoU of each class, after the last epoch that has them."""
    newest = next((epoch for epoch in reversed(training.epochs) if epoch.iou), None)
    if not newest:
        return
    pairs = [pair for pair in zip(training.began.classes, newest.iou, strict=False) if not math.isnan(pair[1])]
    if is_cut := len(pairs) > NUM_CLASSES:
        pairs = sorted(pairs, key=lambda pair: pair[1])[:NUM_CLASSES]
    lowest = f", the {NUM_CLASSES} lowest" if is_cut else ""
    yield Text(f"val IoU by class after epoch {newest.epoch}{lowest}")
    table = Table.grid(padding=(0, 1))
    for name, iou in pairs:
        colour = "red" if iou == 0 else "green"
        bar = Bar(1.0, 0.0, iou, width=BAR_WIDTH, color=colour)
        table.add_row(Text(shown(name)[:NAME_WIDTH]), Text(f"{iou:.3f}", colour), bar)
    yield table


def _warnings(training: Training) -> Iterator[Text]:
    """The last ones; whatever stands in them is not taken for markup."""
    for text in training.warnings[-NUM_WARNINGS:]:
        yield Text(f"warning: {printable(text)}", "yellow")
