"""Where the model fails, and what to label next."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from pipeline.evaluation.label_errors import Suspect
from pipeline.evaluation.scores import Scores
from pipeline.evaluation.slices import Slice
from pipeline.report.evidence import ModelEvidence

NUM_CLASSES, NUM_SLICES = 3, 3
MIN_GAP = 0.02  # of mean IoU: a slice nearer to the whole split is not weak
RARE = 0.01  # share of the training pixels


class Mistake(NamedTuple):
    """The most frequent mistake of a class.

    Attributes:
        other: the class that it is confused with.
        is_missed: pixels of the class are predicted as `other`; if False, pixels of `other` are predicted as the class.
        share: of the pixels of the class, or of the pixels predicted as the class, in (0, 1].
    """

    other: str
    is_missed: bool
    share: float


class WeakClass(NamedTuple):
    """A class with an IoU below the mean, and its share of the training pixels, nan if unknown; below 1 % it is rare.

    Without a mistake, or without the confusion matrix, `mistake` is None.
    """

    name: str
    iou: float
    mistake: Mistake | None
    train_share: float
    is_rare: bool


def weak_classes(evidence: ModelEvidence, scores: Scores) -> list[WeakClass]:
    """The classes with the lowest IoU below the mean, lowest first; only classes that a label has."""
    pixels = evidence.fingerprint.class_pixels if evidence.fingerprint else {}
    total = max(sum(pixels.values()), 1)
    shares = {name: pixels.get(name, math.nan) / total for name in scores.iou}
    below = [name for name, iou in scores.iou.items() if iou < scores.mean_iou and name not in scores.strays]
    return [
        WeakClass(name, scores.iou[name], _worst_mistake(evidence, name), shares[name], shares[name] < RARE)
        for name in sorted(below, key=lambda name: scores.iou[name])[:NUM_CLASSES]
    ]


def _worst_mistake(evidence: ModelEvidence, name: str) -> Mistake | None:
    matrix, classes = evidence.matrix, evidence.classes
    if matrix is None or classes is None or name not in classes.names:
        return None
    id_ = classes.names.index(name)
    pair = next((pair for pair in mistakes(matrix) if id_ in pair), None)
    if pair is None:
        return None
    target, pred = pair
    is_missed = target == id_
    num_pixels = matrix[id_].sum() if is_missed else matrix[:, id_].sum()
    return Mistake(classes.names[pred if is_missed else target], is_missed, matrix[pair] / num_pixels)


def mistakes(matrix: np.ndarray) -> list[tuple[int, int]]:
    """Ids (target, prediction) of (K, K) counts that differ, most pixels first; pairs without a pixel are left out."""
    wrong = np.where(np.eye(len(matrix), dtype=bool), 0, matrix)
    order = np.argsort(-wrong, axis=None, kind="stable")
    return [divmod(int(place), len(matrix)) for place in order if wrong.flat[place]]


def weak_slices(scores: Scores) -> list[Slice]:
    """Slices clearly below the whole split, worst first."""
    below = [part for part in scores.slices if part.mean_iou < scores.mean_iou - MIN_GAP]  # nan: False
    return sorted(below, key=lambda part: part.mean_iou)[:NUM_SLICES]


def shortages(scores: Scores) -> list[tuple[str, int, int]]:
    """Scores whose interval needs more groups or images of the test split.

    Returns:
        Class name, units that show it, units to add. Without an interval of the mean there is one row, and its name is
        "". Empty if no interval was computed.
    """
    bootstrap, mean_iou = scores.bootstrap, scores.metrics["mean_iou"]
    if not bootstrap.unit:
        return []
    by_name = mean_iou.intervals if mean_iou.interval.is_shown else {"": mean_iou.interval}
    hidden = {name: interval.num_units for name, interval in by_name.items() if not interval.is_shown}
    return [(name, num_units, max(bootstrap.min_units - num_units, 1)) for name, num_units in hidden.items()]


def suspected_images(suspects: Mapping[str, Sequence[Suspect]]) -> list[str]:
    """Images with suspected label errors, most suspected pixels first, as their pictures are sorted."""
    num_pixels = {name: sum(area.num_pixels for area in areas) for name, areas in suspects.items()}
    return sorted(num_pixels, key=lambda name: (-num_pixels[name], name))
