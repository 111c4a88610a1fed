"""Drawing into pictures: polygons, transparent colours, pasted pixels, masks over images, words."""

from collections.abc import Sequence

import numpy as np

from pipeline.vision.opencv import cv2

OPACITY = 0.55  # of the colours over an image
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


def tint(image: np.ndarray, mask: np.ndarray, colours: Sequence[tuple[int, int, int]]) -> np.ndarray:
    """Blends colours over an image, edges in full colour; pixels whose id has no colour show the image.

    Args:
        image: (H, W, 3) uint8 RGB.
        mask: (H, W) uint8 ids.
        colours: (K) RGB, by id.
    """
    palette = np.zeros((256, 3), np.uint8)
    palette[: len(colours)] = colours
    coloured = palette.take(mask, axis=0)
    blended = blend(image, coloured, OPACITY)
    paste(coloured, _edges(mask), blended)
    paste(image, mask >= len(colours), blended)
    return blended


def write_line(pixels: np.ndarray, text: str) -> None:
    """Writes ASCII in black into (H, W, 3) uint8, in place, along the lower edge; what does not fit is cut off."""
    at = (2, pixels.shape[0] - 5)
    cv2.putText(pixels, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)


def _edges(mask: np.ndarray) -> np.ndarray:
    """True where the pixel below or to the right is of another class."""
    edges = np.zeros(mask.shape, bool)
    edges[:-1] |= mask[:-1] != mask[1:]
    edges[:, :-1] |= mask[:, :-1] != mask[:, 1:]
    return edges
