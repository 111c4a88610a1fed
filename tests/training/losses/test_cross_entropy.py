"""Cross-entropy against a slow loop."""

import math

import numpy as np
import pytest
from hypothesis import given, settings

from pipeline.errors import TrainingError
from pipeline.training.losses.cross_entropy import class_weights, cross_entropy
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
