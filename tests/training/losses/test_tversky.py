"""The Tversky loss against a slow loop."""

import numpy as np
import pytest
from hypothesis import given, settings

from pipeline.training.losses.tversky import FALSE, MISSED, SMOOTH, tversky
from tests.training.losses.pixels import IGNORE, SHAPE, WEIGHTS, logits_of, softmax, targets_of


@settings(max_examples=40, deadline=None)
@given(targets_of, logits_of)
def test_tversky_is_the_loop_over_present_classes(targets: np.ndarray, logits: np.ndarray) -> None:
    """Hits, false and missed pixels of each class in the targets; class weights change nothing."""
    counted = [(int(targets[place]), softmax(logits[place])) for place in np.ndindex(*SHAPE)]
    counted = [(target, probs) for target, probs in counted if target != IGNORE]
    losses = []
    for class_id in sorted({target for target, _ in counted}):
        hits = sum(probs[class_id] for target, probs in counted if target == class_id)
        false = sum(probs[class_id] for target, probs in counted if target != class_id)
        missed = sum(1 - probs[class_id] for target, probs in counted if target == class_id)
        losses.append(1 - (hits + SMOOTH) / (hits + FALSE * false + MISSED * missed + SMOOTH))
    expected = sum(losses) / len(losses) if losses else 0.0
    assert float(tversky(targets, logits, WEIGHTS, IGNORE)) == pytest.approx(expected, rel=1e-4, abs=1e-5)
