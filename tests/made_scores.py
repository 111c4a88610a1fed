"""Scores of a model that was never run, for tests of what reads scores."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.dataset.manifest import ManifestRow
from pipeline.evaluation.bootstrap import Interval
from pipeline.evaluation.image_table import ImageTable
from pipeline.evaluation.metrics.metric import IGNORED, NO_INTERVAL, MetricResult, Seen
from pipeline.evaluation.scores import Baseline, Bootstrap, Evidence, Scores
from pipeline.serving.predictor import Prediction

NAN = math.nan
ROW = ManifestRow("a", Path("image.png"), Path("mask.png"), "group", "test", 8, 8, "1", "2")
EVIDENCE = Evidence("model", "manifest", "test")
GROUPS = Bootstrap("group", 0.95, 5)


def made_scores(
    mean_iou: float = 0.8,
    iou: Mapping[str, float] | None = None,
    interval: Interval = NO_INTERVAL,
    intervals: Mapping[str, Interval] | None = None,
    metrics: Mapping[str, MetricResult] | None = None,
    **changes: Any,
) -> Scores:
    """Scores with this mean IoU, an IoU of "road" and "tree" and some other metrics, but for the changes."""
    by_class = {"road": 0.9, "tree": 0.7} if iou is None else iou
    results = {
        "mean_iou": MetricResult(mean_iou, by_class, interval, intervals or {}),
        "pixel_accuracy": MetricResult(0.9),
        "boundary_iou": MetricResult(0.5, dict.fromkeys(by_class, 0.5)),
        "calibration_error": MetricResult(0.125),
    }
    fields: dict[str, Any] = {
        "metrics": results | dict(metrics or {}),
        "baseline": Baseline("road", 0.3, 0.6),
        "support": dict.fromkeys(by_class, 64),
        "strays": {},
        "num_images": 2,
        "num_pixels": 128,
        "evidence": EVIDENCE,
        "bootstrap": GROUPS,
        "slices": (),
    }
    return Scores(**(fields | changes))


class _Sure(Prediction):
    """A prediction with a confidence of its own."""

    def confidence(self) -> np.ndarray:
        """The probabilities (H, W) of the predicted class."""
        return self.probs


def as_seen(target: np.ndarray, pred: np.ndarray, confidence: np.ndarray | None = None) -> Seen:
    """An image for a metric: target and prediction (H, W) uint8, `IGNORED` to ignore a pixel of the target."""
    image = np.zeros((*target.shape, 3), np.uint8)
    sure = np.ones(target.shape, np.float32) if confidence is None else confidence
    return Seen(ROW, image, target, _Sure(pred.astype(np.uint8), sure), np.zeros((2, 2), np.int64), IGNORED)


def empty_table(*class_names: str) -> ImageTable:
    """A table of no image."""
    num, none = len(class_names), np.zeros(0, np.int64)
    return ImageTable(class_names, (), (), none, none, none, np.zeros((0, num, num), np.int64))
