"""Tests of the image that a metric is given."""

import numpy as np
from numpy.testing import assert_array_equal

from pipeline.evaluation.metrics.metric import IGNORED, hide, name_by_class
from tests.made_scores import as_seen


def test_ignored_pixels_are_ignored_on_both_sides() -> None:
    """Target and prediction have the same edge towards an ignored region."""
    target = np.array([[0, 1, IGNORED]], np.uint8)
    for one in as_seen(target, np.array([[1, 1, 1]])).counted:
        assert one[0, 2] == IGNORED and one.dtype == np.uint8
    assert_array_equal(hide(target, target == 1), [[0, IGNORED, IGNORED]])


def test_the_value_of_a_class_has_a_short_name() -> None:
    """The mean is of the classes' values, so their name lacks it."""
    assert name_by_class("mean_iou", "car") == "iou/car" and name_by_class("recall", "a/b") == "recall/a/b"
