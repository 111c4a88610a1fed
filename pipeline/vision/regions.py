"""Regions of masks: connected areas, opening and closing, holes, and the pixels near other ids."""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import find_objects

from pipeline.vision.opencv import cv2


class Area(NamedTuple):
    """A connected region.

    Attributes:
        box: rows and columns of the picture.
        inside: (h, w) bool, the region within its box.
    """

    box: tuple[slice, slice]
    inside: np.ndarray


def list_areas(mask: np.ndarray, min_area_px: int) -> list[Area]:
    """The 8-connected regions of a (H, W) bool mask that have at least `min_area_px` pixels."""
    if np.count_nonzero(mask) < min_area_px:
        return []
    _, labels = cv2.connectedComponents(mask.view(np.uint8), connectivity=8)
    num_pixels, boxes = np.bincount(labels[mask]), find_objects(labels)  # in half the time of OpenCV's statistics
    large = np.flatnonzero(num_pixels >= max(min_area_px, 1))
    return [Area(boxes[label - 1], labels[boxes[label - 1]] == label) for label in large]


def width_of(inside: np.ndarray) -> float:
    """Diameter in pixels of the largest circle in a (H, W) bool region; what is beyond its edges is outside."""
    padded = np.pad(inside, 1).astype(np.uint8)
    return max(1.0, 2 * float(cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE).max()) - 1)


def drop_small_areas(mask: np.ndarray, min_area_px: int) -> np.ndarray:
    """Removes the 8-connected regions of a (H, W) bool mask that are smaller than `min_area_px` pixels."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    keep = stats[:, cv2.CC_STAT_AREA] >= min_area_px
    keep[0] = False
    return np.asarray(keep[labels])


def open_mask(mask: np.ndarray, size_px: int) -> np.ndarray:
    """Morphological opening of a (H, W) bool mask by an ellipse `size_px` across: removes thinner parts."""
    return _morph(mask, cv2.MORPH_OPEN, size_px)


def close_mask(mask: np.ndarray, size_px: int) -> np.ndarray:
    """Morphological closing of a (H, W) bool mask by an ellipse `size_px` across: fills narrower gaps."""
    return _morph(mask, cv2.MORPH_CLOSE, size_px)


def fill_from_nearest(ids: np.ndarray, holes: np.ndarray) -> np.ndarray:
    """Gives each pixel of `holes` (H, W) bool the id of the nearest pixel outside them; all holes: unchanged."""
    if not holes.any() or holes.all():
        return ids
    _, labels = cv2.distanceTransformWithLabels(
        holes.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    id_of_label = np.zeros(labels.max() + 1, dtype=ids.dtype)
    id_of_label[labels[~holes]] = ids[~holes]
    return np.asarray(id_of_label[labels])


def near_other_ids(ids: np.ndarray, distance_px: int, border: bool) -> np.ndarray:
    """Where a pixel of another id lies at most `distance_px` away, the larger of rows and columns (Chebyshev).

    Args:
        ids: (H, W) uint8.
        distance_px: at least 1.
        border: the outside of the picture counts as another id, except for the id 255.

    Returns:
        (H, W) bool.
    """
    kernel = np.ones((2 * distance_px + 1, 2 * distance_px + 1), np.uint8)
    outside = {"borderType": cv2.BORDER_CONSTANT, "borderValue": 255} if border else {}
    return np.asarray(cv2.dilate(ids, kernel, **outside) != cv2.erode(ids, kernel))


def _morph(mask: np.ndarray, operation: int, size_px: int) -> np.ndarray:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size_px, size_px))
    return np.asarray(cv2.morphologyEx(mask.astype(np.uint8), operation, kernel), bool)
