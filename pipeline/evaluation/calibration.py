"""Calibration: whether pixels that the model is 80 % sure of are right 80 % of the time (Guo et al., 2017)."""

import math
from dataclasses import dataclass

import numpy as np

from pipeline.disk.records import Count
from pipeline.errors import EvidenceError
from pipeline.vision.counting import count_ids

NUM_BINS = 15
NUM_CODES = 2 * (NUM_BINS + 2)
NUM_LANES = 8
ROUNDING = 1e-3  # by which a softmax of low precision may leave [0, 1]


@dataclass(frozen=True)
class Bin:
    """The pixels whose confidence is in (low, high]; 0 itself is in the first bin.

    Attributes:
        low: in [0, 1].
        high: in [0, 1].
        num_pixels: that were counted.
        confidence: mean probability of the predicted class; nan without pixels.
        accuracy: share of the pixels that are right; nan without pixels.
    """

    low: float
    high: float
    num_pixels: Count
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Calibration:
    """What a reliability plot shows.

    Attributes:
        error: expected calibration error in [0, 1]; nan without pixels.
        bins: of equal width, from 0 to 1.
    """

    error: float
    bins: tuple[Bin, ...]


NO_CALIBRATION = Calibration(math.nan, ())


class CalibrationTally:
    """Counts by confidence, added up while the images pass.

    Attributes:
        num_pixels: (15,) int64.
        num_right: (15,) int64.
        confidence: (15,) float64 sums.
    """

    def __init__(self) -> None:
        self.num_pixels = np.zeros(NUM_BINS, np.int64)
        self.num_right = np.zeros(NUM_BINS, np.int64)
        self.confidence = np.zeros(NUM_BINS, np.float64)

    def add(self, confidence: np.ndarray, right: np.ndarray, counted: np.ndarray) -> None:
        """Counts an image.

        Args:
            confidence: (H, W) float32 probability of the class that is predicted.
            right: (H, W) bool.
            counted: (H, W) bool, False where the target is ignored.

        Raises:
            EvidenceError: a confidence is no probability.
        """
        _check(confidence)
        places = np.ceil(confidence * np.float32(NUM_BINS)).astype(np.uint8)  # 0 and 16 are 0 and 1, but for rounding
        codes = np.where(counted, 2 * places + right, np.uint8(NUM_CODES))
        num_wrong, num_right = _fold(count_ids(codes)[: NUM_CODES + 1]).T
        sums = _fold(_sum_by(codes, confidence))
        self.num_pixels += num_wrong + num_right
        self.num_right += num_right
        self.confidence += sums.sum(axis=1)

    def calibration(self) -> Calibration:
        """The expected calibration error: mean of |accuracy - confidence| over the bins, weighted by their pixels."""
        bins = []
        for place, (num, right, total) in enumerate(zip(self.num_pixels, self.num_right, self.confidence, strict=True)):
            mean, accuracy = (float(total / num), float(right / num)) if num else (math.nan, math.nan)
            bins.append(Bin(place / NUM_BINS, (place + 1) / NUM_BINS, int(num), mean, accuracy))
        num_pixels = int(self.num_pixels.sum())
        gaps = np.abs(self.num_right - self.confidence).sum()
        return Calibration(float(gaps / num_pixels) if num_pixels else math.nan, tuple(bins))


def _sum_by(codes: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(35,) float64 sums of the values (H, W) of each code; of several sums in turn, as each waits for its last one."""
    lanes = codes + (NUM_CODES + 1) * (np.arange(codes.shape[1]) % NUM_LANES)
    sums = np.bincount(lanes.ravel(), values.ravel(), minlength=(NUM_CODES + 1) * NUM_LANES)
    return np.asarray(sums.reshape(NUM_LANES, -1).sum(axis=0))


def _fold(by_code: np.ndarray) -> np.ndarray:
    """(15, 2) sums of each bin, wrong and right, of (35,) by code; the two outermost places go to their neighbours."""
    by_place = by_code[:-1].reshape(-1, 2)
    by_place[1] += by_place[0]
    by_place[-2] += by_place[-1]
    return by_place[1:-1]


def _check(confidence: np.ndarray) -> None:
    low, high = float(confidence.min()), float(confidence.max())
    if not (low >= -ROUNDING and high <= 1 + ROUNDING):  # nan: not, too
        raise EvidenceError(
            f"the model's probabilities range from {low:g} to {high:g}, expected [0, 1]; export the model again"
        )
