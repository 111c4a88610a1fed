"""The focal loss against a slow loop."""

import math

import numpy as np
import pytest
from hypothesis import given, settings

from pipeline.training.losses.cross_entropy import cross_entropy
from pipeline.training.losses.focal import GAMMA, focal
from tests.training.losses.pixels import IGNORE, SHAPE, WEIGHTS, logits_of, softmax, targets_of


@settings(max_examples=40, deadline=None)
@given(targets_of, logits_of)
def test_focal_is_the_loop_over_counted_pixels(targets: np.ndarray, logits: np.ndarray) -> None:
    """Each pixel's own class, weighted; p is the probability of it."""
    pairs = [(int(targets[place]), softmax(logits[place])) for place in np.ndindex(*SHAPE)]
    losses = [
        -WEIGHTS[target] * (1 - probs[target]) ** GAMMA * math.log(max(probs[target], 1e-30))
        for target, probs in pairs
        if target != IGNORE
    ]
    expected = sum(losses) / len(losses) if losses else 0.0
    assert float(focal(targets, logits, WEIGHTS, IGNORE)) == pytest.approx(expected, rel=1e-3, abs=1e-5)


def test_without_a_counted_pixel_it_is_0() -> None:
    """As the cross-entropy is."""
    targets, logits = np.full(SHAPE, IGNORE, np.int32), np.zeros((*SHAPE, len(WEIGHTS)), np.float32)
    assert float(focal(targets, logits, WEIGHTS, IGNORE)) == float(cross_entropy(targets, logits, WEIGHTS, IGNORE)) == 0
