"""A training in a terminal."""

import io
import math
from pathlib import Path

import pytest
from rich.console import Console

from pipeline.monitoring.journal import Began, Epoch, Step, Training
from pipeline.monitoring.screen import NUM_CLASSES, describe_epoch, describe_state, headline, render

METRICS = {"loss": 0.5, "val_loss": 0.6, "val_mean_iou": 0.25, "learning_rate": 0.00125, "images_per_s": 20.04}
BEFORE = Epoch(1, {"loss": 0.7, "val_mean_iou": 0.3}, [], math.nan)
NOW = Epoch(2, METRICS, [0.5, 0.0, math.nan], 75.0)


def made(
    is_under_way: bool = True,
    end: str | None = None,
    epochs: tuple[Epoch, ...] = (BEFORE, NOW),
    step: Step | None = None,
    classes: tuple[str, ...] = ("road", "[red]\x1b[31m", "sign"),
) -> Training:
    """A training of three epochs, with a warning."""
    began = Began(0.0, 3, list(classes))
    return Training(Path("logs/x"), is_under_way, began, epochs, step, ["[bold]careful\x07"], end)


def drawn(training: Training) -> str:
    """The text on a screen of 100 columns."""
    out = io.StringIO()
    Console(file=out, width=100).print(render(training))
    return out.getvalue()


def test_all_that_is_known_is_shown() -> None:
    """Metrics of the last epoch, the best one, a bar for each class that val has, warnings; names are not markup."""
    text = drawn(made())
    for words in (
        "2 of 3 epochs, under way",
        "val mean IoU   0.2500",
        "learning rate  0.00125",
        "images/s       20.0",
        "best epoch     1, val mean IoU 0.3000",
        "time left      1 min 15 s",
        "road          0.500 ███████████████ ",
        "[red]\\x1b[31m 0.000",
        "warning: [bold]careful\\x07",
    ):
        assert words in text, text
    assert "sign" not in text and "\x1b" not in text


def test_the_state_within_an_epoch_is_newer() -> None:
    """Its step and its time left replace those of the last epoch; without any epoch it is all there is."""
    step = Step(3, 4, 9, 0.45, 21.0, 10.0)
    text = drawn(made(step=step))
    assert "step 4 of 9, loss 0.4500, 21.0 images/s" in text and "time left      10 s" in text
    assert "0 of 3 epochs" in drawn(made(epochs=())) and "IoU" not in drawn(made(epochs=(), step=step))


def test_of_many_classes_the_lowest_are_shown() -> None:
    """More would not fit."""
    classes = tuple(f"class{id_}" for id_ in range(40))
    ious = [1 - id_ / 40 for id_ in range(40)]
    text = drawn(made(epochs=(Epoch(1, METRICS, ious, 1.0),), classes=classes))
    assert f"the {NUM_CLASSES} lowest" in text and "class39" in text and "class0 " not in text
    assert text.count("class") == 1 + NUM_CLASSES


@pytest.mark.parametrize(
    ("training", "state"),
    [
        (made(), "under way"),
        (made(False), "killed; the same command again goes on after the last checkpoint"),
        (made(False, "Terminated"), "stopped: Terminated"),
        (made(False, ""), "stopped early"),
        (made(False, "", (BEFORE, NOW, Epoch(3, {}, [], 0.0))), "finished"),
    ],
)
def test_the_end_is_told(training: Training, state: str) -> None:
    """Whether it came to its end, and if not, why; nothing is left of its time then."""
    assert describe_state(training) == state and f"epochs, {state}\n" in headline(training)
    assert ("time left" in drawn(training)) == training.is_under_way


def test_an_epoch_is_a_line() -> None:
    """What is not known of an epoch before a resumption is a dash."""
    assert describe_epoch(NOW, 3) == (
        "epoch 2/3: loss 0.5000, val loss 0.6000, val mean IoU 0.2500, learning rate 0.00125, images/s 20.0, "
        "1 min 15 s left"
    )
    assert describe_epoch(BEFORE, 3) == (
        "epoch 1/3: loss 0.7000, val loss -, val mean IoU 0.3000, learning rate -, images/s -"
    )
