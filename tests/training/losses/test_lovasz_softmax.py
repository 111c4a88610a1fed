"""The Lovász-softmax loss against its definition."""

import numpy as np
import pytest
from hypothesis import given, settings

from pipeline.training.losses.lovasz_softmax import lovasz_softmax
from tests.training.losses.pixels import IGNORE, NUM_CLASSES, SHAPE, WEIGHTS, logits_of, softmax, targets_of


@settings(max_examples=40, deadline=None)
@given(targets_of, logits_of)
def test_lovasz_softmax_is_the_sum_over_levels_of_error(targets: np.ndarray, logits: np.ndarray) -> None:
    """The Lovász extension: the Jaccard loss of the pixels with an error above a level, integrated over the levels."""
    counted = [(int(targets[place]), softmax(logits[place])) for place in np.ndindex(*SHAPE)]
    counted = [(target, probs) for target, probs in counted if target != IGNORE]
    losses = []
    for class_id in sorted({target for target, _ in counted}):
        errors = [abs((target == class_id) - probs[class_id]) for target, probs in counted]
        levels = sorted({0.0, *errors})
        loss = 0.0
        for low, high in zip(levels, levels[1:], strict=False):
            wrong = {place for place, error in enumerate(errors) if error > low}
            true = {place for place, (target, _) in enumerate(counted) if target == class_id}
            loss += (high - low) * (1 - len(true - wrong) / len(true | wrong))
        losses.append(loss)
    expected = sum(losses) / len(losses) if losses else 0.0
    assert float(lovasz_softmax(targets, logits, WEIGHTS, IGNORE)) == pytest.approx(expected, rel=1e-4, abs=1e-5)


@settings(max_examples=20, deadline=None)
@given(targets_of)
def test_of_certain_predictions_it_is_the_jaccard_loss(targets: np.ndarray) -> None:
    """1 - IoU, mean over the classes present."""
    predicted = np.roll(targets, 1, axis=1) % NUM_CLASSES
    logits = (100 * np.eye(NUM_CLASSES, dtype=np.float32))[predicted]
    counted = targets != IGNORE
    losses = [
        1
        - (counted & (targets == one) & (predicted == one)).sum()
        / (counted & ((targets == one) | (predicted == one))).sum()
        for one in np.unique(targets[counted])
    ]
    expected = float(np.mean(losses)) if losses else 0.0
    assert float(lovasz_softmax(targets, logits, WEIGHTS, IGNORE)) == pytest.approx(expected, abs=1e-5)
