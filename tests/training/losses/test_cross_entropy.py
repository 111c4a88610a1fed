"""Cross-entropy against a slow loop."""

import math

import numpy as np
import pytest
from hypothesis import given, settings

from pipeline.training.losses.cross_entropy import cross_entropy
from tests.training.losses.pixels import IGNORE, SHAPE, WEIGHTS, logits_of, softmax, targets_of


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
