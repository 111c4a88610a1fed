"""Numbers from pixels: counts of ids, tables over ids, brightness, a perceptual hash."""

import numpy as np

from pipeline.vision.opencv import cv2

EXACT_FLOAT32 = 1 << 24  # float32, in which OpenCV counts, has every whole number up to here


def count_ids(*ids: np.ndarray) -> np.ndarray:
    """Counts each id, in half the time of `np.bincount`; of two arrays, each pair of ids at one place.

    Args:
        ids: one or two uint8 arrays of one shape.

    Returns:
        (256,) or (256, 256) int64.
    """
    assert all(array.dtype == np.uint8 for array in ids), "OpenCV leaves larger ids out"
    lines, sizes = [array.reshape(1, -1) for array in ids], [256] * len(ids)
    counts = np.zeros(sizes, np.int64)
    for first in range(0, ids[0].size, EXACT_FLOAT32):
        parts = [line[:, first : first + EXACT_FLOAT32] for line in lines]
        counts += cv2.calcHist(parts, range(len(ids)), None, sizes, [0, 256] * len(ids)).reshape(sizes).astype(np.int64)
    return counts


def look_up(ids: np.ndarray, table: np.ndarray) -> np.ndarray:
    """The entry of `table` (256,) uint8, uint16 or uint32 for each of the ids (H, W) uint8; faster than `np.take`."""
    return np.asarray(cv2.LUT(ids, table))


def mean_luma(image: np.ndarray) -> float:
    """Mean brightness of (H, W, 3) RGB uint8, in [0, 255]: 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601)."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return float(cv2.sumElems(grey)[0] / grey.size)


def mean_level(pixels: np.ndarray) -> float:
    """Mean of all values of an image (H, W, 3) uint8, as `np.mean` gives it, in a tenth of its time."""
    return float(sum(cv2.sumElems(pixels)) / pixels.size)


def difference_hash(image: np.ndarray) -> int:
    """64-bit perceptual hash: the signs of the horizontal gradients of the 8 x 9 grey thumbnail (dHash)."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    thumbnail = cv2.resize(grey, (9, 8), interpolation=cv2.INTER_AREA).astype(np.int16)
    bits = thumbnail[:, 1:] > thumbnail[:, :-1]
    return int.from_bytes(np.packbits(bits).tobytes())
