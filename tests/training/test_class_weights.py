"""Weights of the classes."""

import numpy as np
import pytest

from pipeline.errors import TrainingError
from pipeline.training.class_weights import class_weights


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
