"""Drawing into pictures: polygons, transparent colours, pasted pixels."""

import numpy as np

from pipeline.vision.opencv import cv2

FAR_PX = 20_000  # beyond this OpenCV's fixed-point corners overflow


def draw_polygon(pixels: np.ndarray, points: np.ndarray, value: int | tuple[int, int, int]) -> None:
    """Fills a polygon in place, without smoothing its edge; parts outside of the picture are cut off.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
        points: (N, 2) x and y of the corners, in pixels; they are rounded to 1/16.
        value: set in each pixel inside.
    """
    corners = np.rint(np.minimum(np.maximum(points, -FAR_PX), FAR_PX) * 16).astype(np.int32)
    cv2.fillPoly(pixels, [corners], value, lineType=cv2.LINE_8, shift=4)


def blend(image: np.ndarray, colours: np.ndarray, opacity: float) -> np.ndarray:
    """Lays `colours` over `image`, both (H, W, 3) uint8; `opacity` is in [0, 1]."""
    return np.asarray(cv2.addWeighted(colours, opacity, image, 1 - opacity, 0))


def paste(source: np.ndarray, where: np.ndarray, target: np.ndarray) -> None:
    """Copies the pixels of `source` (H, W, 3) uint8 `where` (H, W) bool says so into `target`, in place."""
    cv2.copyTo(source, where.view(np.uint8), target)
