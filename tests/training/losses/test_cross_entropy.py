"""Cross-entropy against a slow loop."""

import math

import numpy as np
import pytest
from hypothesis import given, settings

from pipeline.training.losses.cross_entropy import cross_entropy
from tests.training.losses.pixels import IGNORE, NUM_CLASSES, SHAPE, WEIGHTS, logits_of, softmax, targets_of


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
@settings(max_examples=40, deadline=None)
@given(targets=targets_of, logits=logits_of)
def test_cross_entropy_is_the_loop_over_counted_pixels(
    smoothing: float, targets: np.ndarray, logits: np.ndarray
) -> None:
    """Weighted mean over the pixels that are not ignored; smoothing shares a part of each target among the classes."""
    total = weight = 0.0
    for place in np.ndindex(*SHAPE):
        if (target := int(targets[place])) != IGNORE:
            for class_id, prob in enumerate(softmax(logits[place])):
                truth = smoothing / NUM_CLASSES + (1 - smoothing) * (class_id == target)
                total -= WEIGHTS[target] * truth * math.log(prob)
            weight += WEIGHTS[target]
    expected = total / weight if weight else 0.0
    found = float(cross_entropy(targets, logits, WEIGHTS, IGNORE, smoothing))
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-5)
