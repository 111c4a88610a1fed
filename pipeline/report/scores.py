"""The tables of scores: metrics, classes, mistakes, slices, calibration."""

import math
from collections.abc import Mapping
from typing import NamedTuple, get_args

import numpy as np

from pipeline.evaluation.scores import ReportRow, Scores
from pipeline.evaluation.slices import Kind, Slice
from pipeline.report.advice import mistakes
from pipeline.report.evidence import ModelEvidence

NUM_BINS = 20
UNKNOWN_COLOUR = (128, 128, 128)


class Metric(NamedTuple):
    """A metric beside IoU, pixel accuracy, precision and recall.

    Attributes:
        label: its name on the page.
        value: over all classes; nan is not shown.
        by_class: value of each class; empty if the metric has none.
        note: a remark in a line.
        is_error: 0 is best.
    """

    label: str
    value: float
    by_class: Mapping[str, float]
    note: str = ""
    is_error: bool = False


class ClassRow(NamedTuple):
    """A class with its row of the classification report.

    Attributes:
        name: of the class.
        colour: RGB, grey if unknown.
        report: precision, recall and support.
        test_share: share of the labelled test pixels.
        train_share: share of the training pixels; nan if unknown.
    """

    name: str
    colour: tuple[int, int, int]
    report: ReportRow
    test_share: float
    train_share: float


def metrics(scores: Scores) -> list[Metric]:
    """The metrics that get a card and, if they have values by class, a column."""
    boundary = scores.boundary
    average_gap = "how far its probabilities are from the truth, on average; 0 is best"
    return [
        Metric("boundary IoU", boundary.mean_iou, boundary.iou),
        Metric("boundary F1", boundary.mean_f1, boundary.f1, f"within {boundary.tolerance_px} px"),
        Metric("calibration error", scores.calibration.error, {}, average_gap, is_error=True),
    ]


def class_rows(evidence: ModelEvidence, scores: Scores) -> list[ClassRow]:
    """A row for each class, lowest IoU first; a class without an IoU last."""
    classes, fingerprint = evidence.classes, evidence.fingerprint
    colours = dict(zip(classes.names, classes.colours, strict=True)) if classes else {}
    trained = fingerprint.class_pixels if fingerprint else {}
    num_trained = max(sum(trained.values()), 1)
    rows = []
    for name in sorted(scores.iou, key=lambda name: _nan_last(scores.iou[name])):
        report = scores.classification_report[name]
        shares = report.support / max(scores.num_pixels, 1), trained.get(name, math.nan) / num_trained
        rows.append(ClassRow(name, colours.get(name, UNKNOWN_COLOUR), report, *shares))
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
    calibration = scores.calibration
    if math.isnan(calibration.error):
        return None
    total = max(sum(part.num_pixels for part in calibration.bins), 1)
    bins = [(part.confidence, part.accuracy, part.num_pixels / total) for part in calibration.bins]
    excess = sum((confidence - accuracy) * share for confidence, accuracy, share in bins if share)
    return calibration.error, bins, excess


def _nan_last(value: float) -> float:
    return math.inf if math.isnan(value) else value
