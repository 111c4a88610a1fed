"""Top-2 accuracy: the label is one of the two most probable classes."""

import math

import numpy as np

from pipeline.evaluation.image_table import ImageTable
from pipeline.evaluation.metrics.metric import IGNORED, MetricResult, Seen, Setting


class Top2Accuracy:
    """Share of the counted pixels, pooled over the split."""

    has_classes = False

    def __init__(self, _: Setting) -> None:
        self.num_right = self.num_pixels = 0

    def add(self, seen: Seen) -> None:
        """Counts an image."""
        target, _ = seen.counted
        best = np.argsort(seen.prediction.probs, axis=-1)[..., -2:]  # (H, W, 2)
        is_right = (best == target[..., np.newaxis]).any(axis=-1)
        self.num_right += int(is_right[target != IGNORED].sum())
        self.num_pixels += int((target != IGNORED).sum())

    def result(self, _: ImageTable) -> MetricResult:
        """Nan without a counted pixel."""
        return MetricResult(self.num_right / self.num_pixels if self.num_pixels else math.nan)
