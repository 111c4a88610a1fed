"""What goes wrong in a training, seen in the metrics of its epochs, and what to try."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from pipeline.text import quoted

Row = Mapping[str, float]
"""Metrics of an epoch, as history.csv holds them."""
RISE = 0.05
"""Share of the loss by which it must rise to be called rising: less is chance."""
NUM_RISING = 3
NUM_AT_ZERO = 3
MIN_WORSE = 5


class Symptom(NamedTuple):
    """A warning; `key` names it, to give it once."""

    key: str
    sentence: str


def find_symptoms(
    rows: Sequence[Row], ious: Sequence[Mapping[str, float]], trained: Sequence[str], num_epochs: int
) -> list[Symptom]:
    """All that is wrong after the last of the epochs.

    Args:
        rows: an epoch each, from the first on.
        ious: val IoU by class of the newest epochs, those that are known; a class that val lacks has none.
        trained: names of the classes that a label in train has.
        num_epochs: of the whole training.
    """
    return [*_divergence(rows), *_lost_classes(rows, ious, trained, num_epochs), *_overfitting(rows, num_epochs)]


def _divergence(rows: Sequence[Row]) -> Iterator[Symptom]:
    losses = [row["loss"] for row in rows]
    first, now, limit = losses[0], losses[-1], RISE * abs(losses[0])
    last = losses[-NUM_RISING - 1 :]
    is_rising = len(last) > NUM_RISING and all(a < b for a, b in zip(last, last[1:], strict=False))
    todo = "the training may diverge; try a lower train.learning_rate, or more train.warmup_epochs"
    if now > first + limit:
        yield Symptom("divergence", f"loss {now:.4f} is above the {first:.4f} of the first epoch: {todo}")
    elif is_rising and now > last[0] + limit:
        text = f"the loss rises for {NUM_RISING} epochs, from {last[0]:.4f} to {now:.4f}: {todo}"
        yield Symptom("divergence", text)


def _lost_classes(
    rows: Sequence[Row], ious: Sequence[Mapping[str, float]], trained: Sequence[str], num_epochs: int
) -> Iterator[Symptom]:
    """Classes at 0 in the newest epochs, once a third of the training is over."""
    if len(rows) < max(NUM_AT_ZERO, math.ceil(num_epochs / 3)) or len(ious) < NUM_AT_ZERO:
        return
    for name in trained:
        if all(iou.get(name) == 0 for iou in ious[-NUM_AT_ZERO:]):
            yield Symptom(
                f"zero/{name}",
                f"class {quoted(name)} has val IoU 0 after {len(rows)} of {num_epochs} epochs, though train has it; "
                "try stronger train.class_weights (none < inverse_sqrt < median_frequency), a loss like lovasz_softmax "
                "or tversky in train.loss, a larger train.augment.crop, or more images of the class",
            )


def _overfitting(rows: Sequence[Row], num_epochs: int) -> Iterator[Symptom]:
    """Val is worse than in its best epoch for long, by mean IoU and by loss, and the loss has fallen since then."""
    scores = [-math.inf if math.isnan(row["val_mean_iou"]) else row["val_mean_iou"] for row in rows]
    best = rows[scores.index(max(scores))]
    num_worse, now = len(rows) - 1 - scores.index(max(scores)), rows[-1]
    is_long = num_worse >= max(MIN_WORSE, math.ceil(num_epochs / 5))
    if is_long and now["loss"] < best["loss"] and now["val_loss"] > best["val_loss"] + RISE * abs(best["val_loss"]):
        yield Symptom(
            "overfitting",
            f"val is worse for {num_worse} epochs (mean IoU {best['val_mean_iou']:.4f}, now "
            f"{now['val_mean_iou']:.4f}) while the loss falls: the network learns train by heart; try "
            "train.early_stopping_epochs, stronger train.augment, or more images. The best epoch is kept",
        )
