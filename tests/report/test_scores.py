"""Tests of the tables of scores."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.evaluation.metrics.metric import Bin, MetricResult
from pipeline.report.evidence import ModelEvidence
from pipeline.report.scores import class_rows, count_images, metrics, mistake_rows, reliability, slices_by_kind
from tests.evaluated_work import NAN, make_scores


def test_the_worst_class_is_first_and_one_without_an_iou_last(evidence: ModelEvidence) -> None:
    """Each has its colour and its shares of the pixels."""
    worst, better, absent = class_rows(evidence, make_scores())
    assert [row.name for row in (worst, better, absent)] == ["<script>", "sky", "absent"]
    assert (worst.colour, worst.test_share, worst.train_share) == ((90, 90, 90), 0.2, 0.005)
    (unknown, *_) = class_rows(replace(evidence, classes=None, fingerprint=None), make_scores())
    assert unknown.colour == (128, 128, 128) and np.isnan(unknown.train_share)


def test_metrics_have_a_value_and_values_by_class() -> None:
    """Also a metric that is not built in; calibration is an error and has no classes; precision has no card."""
    scores = make_scores()
    new = MetricResult(0.3, {"sky": 0.2})
    shown = metrics(replace(scores, metrics={"new_metric": new, **scores.metrics}))
    precision, _, _, iou, f1, calibration, other = shown
    assert (precision.label, precision.has_card) == ("precision", False) and precision.by_class["sky"] == 70 / 75
    assert (other.label, other.value, other.by_class, other.has_card) == ("new metric", 0.3, {"sky": 0.2}, True)
    assert (iou.label, iou.value, iou.by_class["sky"]) == ("boundary IoU", 0.4, 0.4)
    assert (f1.label, f1.value, f1.by_class["sky"]) == ("boundary F1", 0.5, 0.5)
    assert (calibration.value, calibration.by_class, calibration.is_error) == (0.125, {}, True)


def test_mistakes_have_shares(evidence: ModelEvidence) -> None:
    """Ten pixels of sky are two thirds of all wrong pixels; a perfect model has no mistakes."""
    assert mistake_rows(evidence) == [("sky", "<script>", 10 / 15, 0.125), ("<script>", "sky", 5 / 15, 0.25)]
    assert mistake_rows(replace(evidence, matrix=np.diag([5, 5, 0]))) == []
    assert mistake_rows(replace(evidence, matrix=None)) is mistake_rows(replace(evidence, matrix=np.eye(2))) is None


def test_calibration_is_too_sure_or_too_modest() -> None:
    """90 % claimed and 77.5 % right is too sure; without pixels there is no calibration."""
    sure = reliability(make_scores())
    assert sure and sure[0] == 0.125 and sure[2] == pytest.approx(0.125)
    metrics = make_scores().metrics
    result = MetricResult(0.2, bins=(Bin(0.5, 1, 10, 0.7, 0.9),))
    modest = reliability(make_scores(metrics={**metrics, "calibration_error": result}))
    assert modest and modest[2] == pytest.approx(-0.2)
    assert reliability(make_scores(metrics={**metrics, "calibration_error": MetricResult(NAN)})) is None


def test_slices_are_sorted_worst_first_by_kind() -> None:
    """A slice without a score is last; a kind without slices is left out."""
    (group, dark, bright) = make_scores().slices
    unknown = replace(dark, mean_iou=NAN)
    assert slices_by_kind(replace(make_scores(), slices=(unknown, bright, group))) == {
        "group": [group],
        "brightness": [bright, unknown],
    }


def test_images_are_counted_by_their_own_score(evidence: ModelEvidence) -> None:
    """A score of 1 is in the last bin; an image without a score is in none."""
    counts = count_images(evidence)
    assert (counts[6], counts[19], sum(counts)) == (1, 1, 2)
    assert sum(count_images(replace(evidence, images={"a": {"mean_iou": ""}}))) == 0
