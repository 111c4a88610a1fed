"""The boundary loss against slow loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.training.losses.boundary import TINY, TOLERANCE_PX, WIDTH_PX, boundary
from tests.training.losses.pixels import IGNORE, NUM_CLASSES, WEIGHTS, softmax

SHAPE = (2, 7, 6)
targets_of = arrays(np.int32, SHAPE, elements=st.sampled_from([0, 1, 2, IGNORE]))
logits_of = arrays(np.float32, (*SHAPE, NUM_CLASSES), elements=st.floats(-8, 8, width=32))


def largest(values: np.ndarray, side_px: int) -> np.ndarray:
    """The largest value in the window around each pixel."""
    found, reach = np.zeros_like(values), side_px // 2
    for number, row, column in np.ndindex(*SHAPE):
        rows, columns = slice(max(0, row - reach), row + reach + 1), slice(max(0, column - reach), column + reach + 1)
        found[number, row, column] = values[number, rows, columns].max()
    return found


@settings(max_examples=25, deadline=None)
@given(targets_of, logits_of)
def test_boundary_is_the_loop_over_pixels(targets: np.ndarray, logits: np.ndarray) -> None:
    """Precision and recall of each class's boundary, where pixels that are left out are no boundary."""
    counted = targets != IGNORE
    probs = np.array([softmax(one) for one in logits.reshape(-1, NUM_CLASSES)]).reshape(logits.shape)
    losses = []
    for class_id in range(NUM_CLASSES):
        true, predicted = (
            (largest((1 - part) * counted, WIDTH_PX) - (1 - part) * counted) * counted
            for part in ((targets == class_id).astype(float), probs[..., class_id])
        )
        if true.sum() > 0:
            precision = (predicted * largest(true, TOLERANCE_PX)).sum() / (predicted.sum() + TINY)
            recall = (true * largest(predicted, TOLERANCE_PX)).sum() / (true.sum() + TINY)
            losses.append(1 - 2 * precision * recall / (precision + recall + TINY))
    expected = sum(losses) / len(losses) if losses else 0.0
    assert float(boundary(targets, logits, WEIGHTS, IGNORE)) == pytest.approx(expected, rel=1e-3, abs=1e-4)


def test_of_the_right_boundary_it_is_nearly_0() -> None:
    """A border one pixel beside the true one is met; one far away is not."""
    targets = np.zeros((1, 16, 16), np.int32)
    targets[:, :, 8:] = 1
    right, near, far = (
        float(boundary(targets, (50 * np.eye(2, dtype=np.float32))[np.roll(targets, shift, 2)], WEIGHTS[:2], IGNORE))
        for shift in (0, 1, 5)
    )
    assert right < 1e-4 and near < 0.5 < far
