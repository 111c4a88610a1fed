"""The tables of scores: metrics, classes, mistakes, slices, calibration."""

import math
from collections.abc import Mapping
from typing import NamedTuple, get_args

import numpy as np

from pipeline.evaluation.metrics.table import in_order
from pipeline.evaluation.scores import Scores
from pipeline.evaluation.slices import Kind, Slice
from pipeline.evaluation.wording import label
from pipeline.report.advice import mistakes
from pipeline.report.evidence import ModelEvidence

NUM_BINS = 20
WITH_OWN_CARD = {"mean_iou", "pixel_accuracy"}
WITHOUT_CARD = {"frequency_weighted_iou", "precision", "recall", "f1"} | {
    f"weighted_{name}" for name in ("precision", "recall", "f1")
}
"""Next to the mean IoU they add little; `scores.json` and MLflow have them."""
UNKNOWN_COLOUR = (128, 128, 128)


class Metric(NamedTuple):
    """A metric other than the mean IoU and the pixel accuracy.

    With `has_card` its value is shown at the top, but for nan. With `is_error` 0 is best.
    """

    label: str
    value: float
    by_class: Mapping[str, float]
    has_card: bool
    is_error: bool


class ClassRow(NamedTuple):
    """A class with its colour, grey if unknown, and its shares of the labelled pixels; that of training may be nan."""

    name: str
    colour: tuple[int, int, int]
    test_share: float
    train_share: float


def metrics(scores: Scores) -> list[Metric]:
    """The metrics that get a card or, if they have values by class, a column."""
    return [
        Metric(label(name), result.value, result.by_class, name not in WITHOUT_CARD, name.endswith("_error"))
        for name, result in ((name, scores.metrics[name]) for name in in_order(scores.metrics.keys() - WITH_OWN_CARD))
    ]


def class_rows(evidence: ModelEvidence, scores: Scores) -> list[ClassRow]:
    """A row for each class, lowest IoU first; a class without an IoU last."""
    classes, fingerprint = evidence.classes, evidence.fingerprint
    colours = dict(zip(classes.names, classes.colours, strict=True)) if classes else {}
    trained = fingerprint.class_pixels if fingerprint else {}
    num_trained = max(sum(trained.values()), 1)
    rows = []
    for name in sorted(scores.iou, key=lambda name: _nan_last(scores.iou[name])):
        shares = scores.support.get(name, 0) / max(scores.num_pixels, 1), trained.get(name, math.nan) / num_trained
        rows.append(ClassRow(name, colours.get(name, UNKNOWN_COLOUR), *shares))
    return rows


def mistake_rows(evidence: ModelEvidence) -> list[tuple[str, str, float, float]] | None:
    """The mistakes, most pixels first.

    Returns:
        Class of the label, class of the prediction, share of all wrong pixels and share of the label's pixels; None if
        the confusion matrix is unknown or of other classes.
    """
    matrix, classes = evidence.matrix, evidence.classes
    if matrix is None or classes is None or len(matrix) != len(classes):
        return None
    names, num_wrong, support = classes.names, matrix.sum() - np.trace(matrix), matrix.sum(axis=1)
    return [
        (names[target], names[pred], matrix[target, pred] / num_wrong, matrix[target, pred] / support[target])
        for target, pred in mistakes(matrix)
    ]


def slices_by_kind(scores: Scores) -> dict[Kind, list[Slice]]:
    """The slices, worst first; kinds without a slice are left out."""
    kinds: tuple[Kind, ...] = get_args(Kind)
    ordered = sorted(scores.slices, key=lambda part: _nan_last(part.mean_iou))
    by_kind = {kind: [part for part in ordered if part.kind == kind] for kind in kinds}
    return {kind: parts for kind, parts in by_kind.items() if parts}


def count_images(evidence: ModelEvidence) -> list[int]:
    """The number of images in each of 20 bins of their mean IoU, from 0 to 1."""
    values = [float(row["mean_iou"]) for row in evidence.images.values() if row.get("mean_iou")]
    bins = [min(int(value * NUM_BINS), NUM_BINS - 1) for value in values]
    return [bins.count(index) for index in range(NUM_BINS)]


def reliability(scores: Scores) -> tuple[float, list[tuple[float, float, float]], float] | None:
    """The calibration of the model.

    Returns:
        The expected calibration error; the bins: mean probability, share of right pixels, share of all pixels; and by
        how much the probabilities are too high on average. None if no probability was counted.
    """
    calibration = scores.metrics.get("calibration_error")
    if calibration is None or math.isnan(calibration.value):
        return None
    total = max(sum(part.num_pixels for part in calibration.bins), 1)
    bins = [(part.confidence, part.accuracy, part.num_pixels / total) for part in calibration.bins]
    excess = sum((confidence - accuracy) * share for confidence, accuracy, share in bins if share)
    return calibration.value, bins, excess


def _nan_last(value: float) -> float:
    return math.inf if math.isnan(value) else value
