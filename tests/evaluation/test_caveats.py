"""Tests of what is said beside a score."""

import math
from dataclasses import replace

import numpy as np
import pytest

from pipeline.dataset.contract import ClassList
from pipeline.evaluation.bootstrap import Interval
from pipeline.evaluation.caveats import few_units, strays
from pipeline.evaluation.scorer import scores_of
from pipeline.evaluation.scores import Evidence

CLASSES = ClassList(("road", "tree", "tram"), ((0, 0, 0), (1, 1, 1), (2, 2, 2)), 255)
MATRIX = np.array([[497, 0, 3], [0, 500, 0], [0, 0, 0]])


@pytest.mark.parametrize(
    ("num_units", "low", "few"), [(5, 0.1, True), (19, 0.1, True), (20, 0.1, False), (5, math.nan, False)]
)
def test_an_interval_on_few_units_says_so(num_units: int, low: float, few: bool) -> None:
    """From twenty on nothing is said, nor where no interval is shown."""
    told = few_units(Interval(0.5, low, 0.9, num_units), "group")
    assert told == ("; few groups, so it is rather too narrow" if few else "")


def test_classes_that_no_label_has_are_named() -> None:
    """Their pixels are wrong pixels of the labelled classes; they are no classes of IoU 0 in the mean."""
    scores = scores_of(MATRIX, CLASSES, "road", 1, Evidence("", "", ""))
    assert scores.strays == {"tram": 3}
    assert scores.mean_iou == (497 / 500 + 1) / 2
    assert strays(scores) == "predicted but in no label, so left out of the mean IoU: tram (3 pixels)"
    both = replace(scores, strays={"tram": 3, "bus": 1}, iou={**scores.iou, "bus": 0.0})
    assert strays(both).endswith(": bus (1 pixel), tram (3 pixels)")


def test_without_strays_nothing_is_said() -> None:
    """A class in neither label nor prediction is none."""
    assert strays(scores_of(np.diag([5, 5, 0]), CLASSES, "road", 1, Evidence("", "", ""))) == ""
