"""What goes wrong in a training."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.monitoring.symptoms import Row, find_symptoms

VALUES = st.floats(-2, 2) | st.just(math.nan)


def rows(losses: list[float], val_losses: list[float] | None = None, scores: list[float] | None = None) -> list[Row]:
    """Epochs with these losses; val improves all the time unless given."""
    better = [index / 100 for index in range(len(losses))]
    columns = zip(losses, val_losses or [-value for value in better], scores or better, strict=True)
    return [{"loss": loss, "val_loss": val_loss, "val_mean_iou": score} for loss, val_loss, score in columns]


def keys(epochs: list[Row], ious: list[dict[str, float]], num_epochs: int = 9) -> list[str]:
    """The symptoms of a training whose labels in train are of `road` and `car`."""
    return [symptom.key for symptom in find_symptoms(epochs, ious, ["road", "car"], num_epochs)]


@pytest.mark.parametrize(
    ("losses", "says"),
    [
        ([1.0], None),
        ([1.0, 0.5, 0.4], None),
        ([1.0, 1.04, 1.0, 1.03], None),
        ([1.0, 0.5, 1.1], "loss 1.1000 is above the 1.0000 of the first epoch: .*lower train.learning_rate"),
        ([1.0, 0.5, 0.55, 0.6, 0.7], "the loss rises for 3 epochs, from 0.5000 to 0.7000: .*train.warmup_epochs"),
        ([1.0, 0.5, 0.501, 0.502, 0.503], None),
        ([1.0, 0.5, 0.55, 0.54, 0.7], None),
        ([-0.5, -0.6, -0.4], "loss -0.4000 is above the -0.5000"),
    ],
)
def test_a_divergence_is_a_rise_beyond_chance(losses: list[float], says: str | None) -> None:
    """Above the first epoch, or three times in a row, by more than a twentieth."""
    found = find_symptoms(rows(losses), [], [], 9)
    assert [symptom.key for symptom in found] == ["divergence"] * (says is not None)
    assert not says or re.search(says, found[0].sentence)


@pytest.mark.parametrize(
    ("num_done", "num_epochs", "cars", "is_lost"),
    [
        (3, 9, [0.0, 0.0, 0.0], True),
        (2, 9, [0.0, 0.0], False),
        (3, 30, [0.0, 0.0, 0.0], False),
        (10, 30, [0.0, 0.0, 0.0], True),
        (10, 30, [0.0, 0.1, 0.0], False),
        (10, 30, [0.0, 0.0, 0.1], False),
        (10, 30, [0.1, 0.0, 0.0, 0.0], True),
        (10, 30, [0.0, 0.0], False),
    ],
)
def test_a_class_at_zero_is_named_after_a_third(
    num_done: int, num_epochs: int, cars: list[float], is_lost: bool
) -> None:
    """It is at 0 in the last three epochs, as far as they are known: those before a resumption are not."""
    ious = [{"road": 0.5, "car": car, "tram": 0.0} for car in cars]
    losses = [1.0 - 0.01 * index for index in range(num_done)]
    assert keys(rows(losses), ious, num_epochs) == ["zero/car"] * is_lost


def test_only_what_val_has_can_be_at_zero() -> None:
    """A class without a label in val has no IoU; one without a label in train cannot be learnt."""
    assert keys(rows([1.0, 0.9, 0.8]), [{"road": 0.5}] * 3) == []
    (symptom,) = find_symptoms(rows([1.0, 0.9, 0.8]), [{"a\x1b[31m": 0.0}] * 3, ["a\x1b[31m"], 9)
    assert symptom.sentence.isprintable() and "lovasz_softmax" in symptom.sentence


def test_overfitting_is_a_val_that_is_worse_for_long() -> None:
    """By mean IoU and by loss, for five epochs or a fifth of the training, while the loss falls."""
    falling = [1.0 - 0.1 * index for index in range(7)]
    worse, better = [0.5, 0.4, 0.5, 0.5, 0.5, 0.5, 0.6], [0.5, 0.4, 0.4, 0.4, 0.4, 0.4, 0.3]
    scores = [0.3, 0.5, 0.4, 0.4, 0.4, 0.4, 0.4]
    (symptom,) = find_symptoms(rows(falling, worse, scores), [], [], 9)
    assert symptom.key == "overfitting"
    assert "worse for 5 epochs (mean IoU 0.5000, now 0.4000)" in symptom.sentence
    assert keys(rows(falling, better, scores), []) == []
    assert keys(rows(falling[:6], worse[:6], scores[:6]), []) == []
    assert keys(rows(falling, worse, scores), [], 40) == []
    assert keys(rows([1.0] * 7, worse, scores), []) == []


@given(st.lists(st.tuples(st.floats(-2, 2), VALUES, VALUES), min_size=1), st.integers(1, 50))
def test_any_numbers_are_judged(numbers: list[tuple[float, float, float]], num_epochs: int) -> None:
    """Nan in val breaks nothing, and each symptom is there once."""
    losses, val_losses, scores = map(list, zip(*numbers, strict=True))
    found = keys(rows(losses, val_losses, scores), [{"car": score} for score in scores], num_epochs)
    assert len(set(found)) == len(found)
