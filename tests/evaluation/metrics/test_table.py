"""Tests of the table of metrics."""

import math

import numpy as np
import pytest

from pipeline.evaluation.metrics.metric import Setting
from pipeline.evaluation.metrics.table import METRICS, in_order, names_of
from pipeline.vision import confusion
from tests.evaluated_work import BOOTSTRAP, CLASSES, MATRICES, make_table
from tests.made_scores import empty_table


@pytest.mark.parametrize("name", METRICS)
def test_each_metric_of_no_image_is_nan(name: str) -> None:
    """Nothing to score is no score, of the whole as of each class; by class exactly if it says so."""
    metric = METRICS[name](Setting(("a", "b"), 0.02, 2, BOOTSTRAP))
    result = metric.result(empty_table("a", "b"))
    assert math.isnan(result.value) and all(math.isnan(value) for value in result.by_class.values())
    assert list(result.by_class) == (["a", "b"] if metric.has_classes else [])


def test_metrics_of_counts_are_those_of_the_confusion_matrix() -> None:
    """Overall and by class, pooled over the images."""
    setting, matrix = Setting(CLASSES.names, 0, 0, BOOTSTRAP), MATRICES.sum(axis=0)
    results = {name: METRICS[name](setting).result(make_table()) for name in METRICS if "boundary" not in name}
    support = matrix.sum(axis=1)
    assert results["mean_iou"].value == confusion.mean_iou(matrix)
    assert results["pixel_accuracy"].value == confusion.pixel_accuracy(matrix)
    assert results["frequency_weighted_iou"].value == confusion.weighted_mean(confusion.iou_per_class(matrix), support)
    for name, shares in (("precision", confusion.precision), ("recall", confusion.recall), ("f1", confusion.f1)):
        assert results[name].value == confusion.mean(shares(matrix))
        assert results[f"weighted_{name}"].value == confusion.weighted_mean(shares(matrix), support)
        np.testing.assert_equal(list(results[name].by_class.values()), shares(matrix).tolist())


def test_names_have_the_order_of_the_table() -> None:
    """A metric that is no longer known is last."""
    assert in_order(["gone", "f1", "mean_iou", "recall"]) == ["mean_iou", "recall", "f1", "gone"]


def test_every_name_is_listed() -> None:
    """Of each metric, and of each class if the metric has classes."""
    names = names_of(["car"])
    assert [*METRICS] == names[: len(METRICS)] and names_of([]) == [*METRICS]
    assert set(names[len(METRICS) :]) == {
        f"{metric}/car" for metric in ("iou", "precision", "recall", "f1", "boundary_iou", "boundary_f1")
    }
