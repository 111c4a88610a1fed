"""Soft Dice against a slow loop."""

import numpy as np
import pytest
from hypothesis import given, settings

from pipeline.training.losses.soft_dice import SMOOTH, soft_dice
from tests.training.losses.pixels import IGNORE, SHAPE, WEIGHTS, logits_of, softmax, targets_of


@settings(max_examples=40, deadline=None)
@given(targets_of, logits_of)
def test_soft_dice_is_the_loop_over_present_classes(targets: np.ndarray, logits: np.ndarray) -> None:
    """1 - Dice of each class in the targets, over the pixels that are not ignored; class weights change nothing."""
    counted = [
        (int(targets[place]), softmax(logits[place])) for place in np.ndindex(*SHAPE) if targets[place] != IGNORE
    ]
    losses = []
    for class_id in sorted({target for target, _ in counted}):
        both = sum(probs[class_id] for target, probs in counted if target == class_id)
        either = sum(target == class_id for target, _ in counted) + sum(probs[class_id] for _, probs in counted)
        losses.append(1 - (2 * both + SMOOTH) / (either + SMOOTH))
    expected = sum(losses) / len(losses) if losses else 0.0
    assert float(soft_dice(targets, logits, WEIGHTS, IGNORE)) == pytest.approx(expected, rel=1e-4, abs=1e-5)
