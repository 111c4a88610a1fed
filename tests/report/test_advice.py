"""Tests of the records behind the report's advice."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.evaluation.bootstrap import Interval
from pipeline.evaluation.label_errors import Suspect
from pipeline.evaluation.scores import NO_BOOTSTRAP
from pipeline.report.advice import Mistake, mistakes, shortages, suspected_images, weak_classes, weak_slices
from pipeline.report.evidence import ModelEvidence
from tests.evaluated_work import NAN, make_scores, with_mean_iou


def suspect(name: str, num_pixels: int) -> Suspect:
    """An area of an image."""
    return Suspect(name, "sky", "car", num_pixels, 1, 2, 3, 4)


def test_a_weak_class_has_its_mistake_and_its_share_of_the_training(evidence: ModelEvidence) -> None:
    """Ten of the 25 pixels that are predicted as the weak class are sky; it has 5 of 1000 training pixels."""
    (weak,) = weak_classes(evidence, make_scores())
    assert weak == ("<script>", 0.5, Mistake("sky", False, 0.4), 0.005, True)
    (unknown,) = weak_classes(replace(evidence, fingerprint=None), make_scores())
    assert np.isnan(unknown.train_share) and not unknown.is_rare


@pytest.mark.parametrize(
    ("matrix", "mistake"),
    [
        ([[10, 6, 0], [5, 15, 0], [0, 9, 0]], Mistake("absent", False, 0.3)),
        ([[10, 5, 0], [6, 15, 9], [0, 0, 0]], Mistake("absent", True, 0.3)),
        ([[5, 0, 0], [0, 5, 0], [0, 0, 5]], None),
    ],
)
def test_the_larger_mistake_of_a_class_is_reported(
    evidence: ModelEvidence, matrix: list[list[int]], mistake: Mistake | None
) -> None:
    """Pixels of the class under another name, or pixels of another class under its name."""
    (weak,) = weak_classes(replace(evidence, matrix=np.array(matrix)), make_scores())
    assert weak.mistake == mistake


def test_a_class_that_no_label_has_is_not_weak(evidence: ModelEvidence) -> None:
    """The page names it among the strays."""
    scores = with_mean_iou(make_scores(strays={"absent": 3}), by_class={**make_scores().iou, "absent": 0.0})
    assert [weak.name for weak in weak_classes(evidence, scores)] == ["<script>"]


def test_images_to_check_are_in_the_order_of_their_pictures() -> None:
    """By all the suspected pixels of an image, not by its largest area."""
    areas = {"large": [suspect("large", 30)], "many": [suspect("many", 20)] * 2, "few": [suspect("few", 30)]}
    assert suspected_images(areas) == ["many", "few", "large"]


def test_shortages_count_the_missing_groups() -> None:
    """Of each class without an interval; of the mean alone if it has none; of nothing without intervals."""
    scores = make_scores()
    assert shortages(scores) == [("<script>", 3, 2), ("absent", 0, 5)]
    assert shortages(with_mean_iou(scores, interval=Interval(0.6, NAN, NAN, 4))) == [("", 4, 1)]
    assert shortages(make_scores(bootstrap=NO_BOOTSTRAP)) == []


def test_a_slice_near_the_whole_is_not_weak() -> None:
    """Only the group that is clearly below is weak; nan is not."""
    scores = make_scores()
    assert [part.name for part in weak_slices(scores)] == ["street & co"]
    unknown = tuple(replace(part, mean_iou=float("nan")) for part in scores.slices)
    assert weak_slices(replace(scores, slices=unknown)) == []


def test_mistakes_are_off_the_diagonal_most_first() -> None:
    """Pairs without a pixel are no mistakes."""
    assert mistakes(np.array([[9, 1, 0], [3, 9, 0], [0, 2, 9]])) == [(1, 0), (2, 1), (0, 1)]
