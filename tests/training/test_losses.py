"""Losses against slow loops."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.errors import TrainingError
from pipeline.training.losses import SMOOTH, class_weights, cross_entropy, soft_dice

NUM_CLASSES, IGNORE = 3, 255
SHAPE = (2, 3, 2)
targets_of = arrays(np.int32, SHAPE, elements=st.sampled_from([0, 1, 2, IGNORE]))
logits_of = arrays(np.float32, (*SHAPE, NUM_CLASSES), elements=st.floats(-8, 8, width=32))
WEIGHTS = np.array([0.5, 1.0, 2.0], np.float32)


def softmax(logits: np.ndarray) -> list[float]:
    """Probabilities of one pixel in double precision."""
    exps = [math.exp(float(value)) for value in logits]
    return [value / sum(exps) for value in exps]


@settings(max_examples=40, deadline=None)
@given(targets_of, logits_of)
def test_cross_entropy_is_the_loop_over_counted_pixels(targets: np.ndarray, logits: np.ndarray) -> None:
    """Weighted mean over the pixels that are not ignored."""
    total = weight = 0.0
    for place in np.ndindex(*SHAPE):
        if (target := int(targets[place])) != IGNORE:
            total -= WEIGHTS[target] * math.log(softmax(logits[place])[target])
            weight += WEIGHTS[target]
    expected = total / weight if weight else 0.0
    assert float(cross_entropy(targets, logits, WEIGHTS, IGNORE)) == pytest.approx(expected, rel=1e-4, abs=1e-5)


@settings(max_examples=40, deadline=None)
@given(targets_of, logits_of)
def test_soft_dice_is_the_loop_over_present_classes(targets: np.ndarray, logits: np.ndarray) -> None:
    """1 - Dice of each class in the targets, over the pixels that are not ignored."""
    counted = [
        (int(targets[place]), softmax(logits[place])) for place in np.ndindex(*SHAPE) if targets[place] != IGNORE
    ]
    losses = []
    for class_id in sorted({target for target, _ in counted}):
        both = sum(probs[class_id] for target, probs in counted if target == class_id)
        either = sum(target == class_id for target, _ in counted) + sum(probs[class_id] for _, probs in counted)
        losses.append(1 - (2 * both + SMOOTH) / (either + SMOOTH))
    expected = sum(losses) / len(losses) if losses else 0.0
    assert float(soft_dice(targets, logits, IGNORE)) == pytest.approx(expected, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("rule", ["none", "inverse_sqrt", "median_frequency"])
def test_the_mean_weight_of_a_pixel_is_one(rule: str) -> None:
    """Rules change the balance of the classes, not the size of the loss."""
    pixels = {"sky": 700, "road": 290, "pole": 10}
    weights = class_weights(pixels, rule)  # type: ignore[arg-type]
    assert float(weights @ np.array(list(pixels.values())) / 1000) == pytest.approx(1)
    assert rule == "none" or weights[2] > weights[1] > weights[0]


def test_a_class_without_pixels_is_refused() -> None:
    """Nothing can be learnt of a class that is never shown."""
    with pytest.raises(TrainingError, match="train has no pixel of pole at the working size; add images"):
        class_weights({"sky": 5, "pole": 0}, "inverse_sqrt")
