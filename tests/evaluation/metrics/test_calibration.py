"""Tests of the expected calibration error, against a slow loop over pixels."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.errors import EvidenceError
from pipeline.evaluation.metrics.calibration import NUM_BINS, CalibrationError
from pipeline.evaluation.metrics.metric import IGNORED, MetricResult, Setting
from tests.made_scores import as_seen, empty_table

SHAPE = (4, 18)
CONFIDENCES = arrays(np.float32, SHAPE, elements=st.floats(0, 1, width=32))
FLAGS = arrays(bool, SHAPE)


def calibrate(*images: tuple[np.ndarray, np.ndarray, np.ndarray]) -> MetricResult:
    """The calibration over images of confidence, right and counted."""
    metric = CalibrationError(Setting(("a", "b"), 0, 0, {}))
    for confidence, right, counted in images:
        target = np.where(counted, ~right, IGNORED).astype(np.uint8)
        metric.add(as_seen(target, np.zeros_like(target), confidence))
    return metric.result(empty_table("a", "b"))


def slow_error(confidence: np.ndarray, right: np.ndarray, counted: np.ndarray) -> float:
    """Guo et al. (2017), equations 3 and 5, as they stand there: bin m is ((m - 1) / 15, m / 15]."""
    pixels = [(float(c), bool(r)) for c, r, n in zip(confidence.flat, right.flat, counted.flat, strict=True) if n]
    error = 0.0
    for place in range(1, NUM_BINS + 1):
        inside = [(c, r) for c, r in pixels if place == max(1, math.ceil(np.float32(c) * np.float32(NUM_BINS)))]
        if inside:
            accuracy = sum(r for _, r in inside) / len(inside)
            mean = sum(c for c, _ in inside) / len(inside)
            error += len(inside) / len(pixels) * abs(accuracy - mean)
    return error


@given(CONFIDENCES, FLAGS, FLAGS)
def test_the_error_is_that_of_a_loop(confidence: np.ndarray, right: np.ndarray, counted: np.ndarray) -> None:
    """All pixels at once give what the formula gives, pixel by pixel; nan where none is counted."""
    found = calibrate((confidence, right, counted))
    assert sum(part.num_pixels for part in found.bins) == counted.sum()
    if counted.any():
        assert found.value == pytest.approx(slow_error(confidence, right, counted), abs=1e-6)
    else:
        assert math.isnan(found.value)


@given(CONFIDENCES, FLAGS, FLAGS)
def test_images_add_up(confidence: np.ndarray, right: np.ndarray, counted: np.ndarray) -> None:
    """Two halves give what the whole gives."""
    first, second = ((confidence[rows], right[rows], counted[rows]) for rows in (slice(2), slice(2, None)))
    whole = calibrate((confidence, right, counted))
    assert calibrate(first, second).value == pytest.approx(whole.value, nan_ok=True)


def test_bins_for_the_plot() -> None:
    """A bin has its ends, the mean confidence and the accuracy; an empty one has nan for both."""
    confidence = np.array([[0.95, 1.0, 0.0, 0.5]], np.float32)
    bins = calibrate((confidence, np.array([[True, False, True, True]]), np.array([[True, True, True, False]]))).bins
    assert len(bins) == NUM_BINS and (bins[0].low, bins[-1].high) == (0, 1)
    assert (bins[-1].num_pixels, bins[-1].accuracy) == (2, 0.5)
    assert bins[-1].confidence == pytest.approx(0.975)
    assert (bins[0].num_pixels, bins[0].accuracy) == (1, 1)
    assert bins[7].num_pixels == 0 and math.isnan(bins[7].accuracy)


def test_sure_and_right_is_perfect() -> None:
    """The error is 0 where all is right with certainty, and 1 where all is wrong with certainty."""
    sure, every = np.ones(SHAPE, np.float32), np.ones(SHAPE, bool)
    assert calibrate((sure, every, every)).value == 0
    assert calibrate((sure, ~every, every)).value == 1


@pytest.mark.parametrize("value", [math.nan, -0.5, 1.5, math.inf])
def test_what_is_no_probability_is_refused(value: float) -> None:
    """A model whose probabilities are none has no calibration."""
    with pytest.raises(EvidenceError, match=r"probabilities range from .*, expected \[0, 1\]; export the model again"):
        calibrate((np.full(SHAPE, value, np.float32), np.ones(SHAPE, bool), np.ones(SHAPE, bool)))
