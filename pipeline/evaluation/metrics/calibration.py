"""Calibration: whether pixels that the model is 80 % sure of are right 80 % of the time (Guo et al., 2017)."""

import math

import numpy as np

from pipeline.errors import EvidenceError
from pipeline.evaluation.image_table import ImageTable
from pipeline.evaluation.metrics.metric import IGNORED, Bin, MetricResult, Seen, Setting
from pipeline.vision.counting import count_ids

NUM_BINS = 15
NUM_CODES = 2 * (NUM_BINS + 2)
ROUNDING = 1e-3  # by which a softmax of low precision may leave [0, 1]


class CalibrationError:
    """The expected calibration error, with the bins of a reliability plot; lower is better."""

    has_classes = False

    def __init__(self, _: Setting) -> None:
        self.num_pixels = np.zeros(NUM_BINS, np.int64)
        self.num_right = np.zeros(NUM_BINS, np.int64)
        self.confidence = np.zeros(NUM_BINS, np.float64)

    def add(self, seen: Seen) -> None:
        """Counts an image by the confidence of its pixels.

        Raises:
            EvidenceError: a confidence is outside of [0, 1].
        """
        confidence, (target, pred) = seen.confidence, seen.counted
        low, high = float(confidence.min()), float(confidence.max())
        if not -ROUNDING <= low <= high <= 1 + ROUNDING:  # nan: not, too
            raise EvidenceError(
                f"the model's probabilities range from {low:g} to {high:g}, expected [0, 1]; export the model again"
            )
        places = np.ceil(confidence * np.float32(NUM_BINS)).astype(np.uint8)  # 0 and 16 are 0 and 1, but for rounding
        codes = np.where(target == IGNORED, np.uint8(NUM_CODES), 2 * places + (target == pred))
        num_wrong, num_right = _fold(count_ids(codes)[: NUM_CODES + 1]).T
        sums = np.bincount(codes.ravel(), confidence.ravel(), minlength=NUM_CODES + 1)
        self.num_pixels += num_wrong + num_right
        self.num_right += num_right
        self.confidence += _fold(sums).sum(axis=1)

    def result(self, _: ImageTable) -> MetricResult:
        """Mean of |accuracy - confidence| over the bins, weighted by their pixels."""
        bins = []
        for place, (num, right, total) in enumerate(zip(self.num_pixels, self.num_right, self.confidence, strict=True)):
            mean, accuracy = (float(total / num), float(right / num)) if num else (math.nan, math.nan)
            bins.append(Bin(place / NUM_BINS, (place + 1) / NUM_BINS, int(num), mean, accuracy))
        num_pixels = int(self.num_pixels.sum())
        gaps = np.abs(self.num_right - self.confidence).sum()
        return MetricResult(float(gaps / num_pixels) if num_pixels else math.nan, bins=tuple(bins))


def _fold(by_code: np.ndarray) -> np.ndarray:
    """(15, 2) sums of each bin, wrong and right, of (35,) by code; the two outermost places go to their neighbours."""
    by_place = by_code[:-1].reshape(-1, 2)
    by_place[1] += by_place[0]
    by_place[-2] += by_place[-1]
    return by_place[1:-1]
