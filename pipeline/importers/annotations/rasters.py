"""Areas as pixels (H, W) bool, by the rules of the tools that make them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from pycocotools import mask as coco_mask

from pipeline.errors import DataError
from pipeline.vision.opencv import cv2

MIN_CORNERS = 3


def fill_polygons(polygons: Sequence[Any], height: int, width: int) -> np.ndarray:
    """The union of polygons as pycocotools fills them; parts outside of the image are cut off.

    Args:
        polygons: each (N, 2) x and y in pixels, the image's upper left corner is (0, 0). Fewer than three corners
            enclose nothing.

    Raises:
        DataError: see `as_corners`.
    """
    corners = [as_corners(polygon, height, width) for polygon in polygons if len(polygon)]
    flat = [points.ravel().tolist() for points in corners if len(points) >= MIN_CORNERS]
    if not flat:
        return np.zeros((height, width), bool)
    runs = coco_mask.merge(coco_mask.frPyObjects(flat, height, width))
    return np.asarray(coco_mask.decode(runs).astype(bool))


def as_corners(points: Any, height: int, width: int) -> np.ndarray:
    """Points as (N, 2) float64 that may be drawn: libraries fail or take all memory on wilder ones.

    Raises:
        DataError: they are not pairs of finite numbers, are all outside of the image, or one is farther away from it
            than its larger side.
    """
    try:
        corners = np.array(points, np.float64).reshape(-1, 2)
    except ValueError as err:
        raise DataError(f"an area's corners are not pairs of numbers ({err}); correct the area") from err
    if not np.isfinite(corners).all():
        raise DataError("a corner of an area is not a finite number; correct the area")
    size, far = np.array([width, height]), max(height, width)
    is_far = ((corners < -far) | (corners > size + far)).any(axis=1)
    if is_far.any() or (corners.max(axis=0) < 0).any() or (corners.min(axis=0) > size).any():
        x, y = corners[is_far.argmax()]
        raise DataError(
            f"an area with the corner ({x:g}, {y:g}) lies outside of the image of {width} x {height} (width x height); "
            "bring the image that was annotated, or remove the area"
        )
    return corners


def turned_box(left: float, top: float, right: float, bottom: float, degrees: float, at: tuple[float, float]) -> Any:
    """The corners (4, 2) of a box that is turned clockwise around the point `at`."""
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return (corners - at) @ np.array([[cos, sin], [-sin, cos]]) + at


def fill_ellipse(centre: tuple[float, float], radii: tuple[float, float], degrees: float, size: Any) -> np.ndarray:
    """The pixels whose centres are in an ellipse that is turned clockwise; `size` is (height, width).

    Raises:
        DataError: see `as_corners`.
    """
    height, width = size
    check_ellipse(centre, radii, degrees, height, width)
    y, x = np.mgrid[:height, :width] + 0.5
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    along = (x - centre[0]) * cos + (y - centre[1]) * sin
    across = (y - centre[1]) * cos - (x - centre[0]) * sin
    return np.asarray((along * radii[1]) ** 2 + (across * radii[0]) ** 2 <= (radii[0] * radii[1]) ** 2)


def fill_ellipse_as_cvat(
    centre: tuple[float, float], radii: tuple[float, float], degrees: float, size: Any
) -> np.ndarray:
    """An ellipse as CVAT's own exports have it: by OpenCV, centre and radii rounded; `size` is (height, width).

    Raises:
        DataError: see `as_corners`.
    """
    check_ellipse(centre, radii, degrees, *size)
    pixels = np.zeros(size, np.uint8)
    at, axes = (round(centre[0]), round(centre[1])), (round(radii[0]), round(radii[1]))
    cv2.ellipse(pixels, at, axes, degrees, 0, 360, 1, thickness=-1)
    return pixels.astype(bool)


def check_ellipse(
    centre: tuple[float, float], radii: tuple[float, float], degrees: float, height: int, width: int
) -> None:
    """Checks that an ellipse may be drawn.

    Raises:
        DataError: a number is not finite, a radius is negative; else see `as_corners`.
    """
    if not np.isfinite(degrees) or not min(radii) >= 0:
        raise DataError(f"an ellipse has the radii {radii} and the rotation {degrees}; expected numbers, radii from 0")
    reach = max(radii)
    box = [(centre[0] - reach, centre[1] - reach), (centre[0] + reach, centre[1] + reach)]
    as_corners(box, height, width)


def fill_as_labelme(kind: str, points: Any, height: int, width: int) -> np.ndarray:
    """A shape as Labelme's `shapes_to_label` fills it: by Pillow, edges included.

    Raises:
        DataError: it has another number of points than its kind; else see `as_corners`.
    """
    corners = as_corners(points, height, width)
    if len(corners) != 2 if kind in ("circle", "rectangle") else len(corners) < MIN_CORNERS:
        expected = "2" if kind in ("circle", "rectangle") else "at least 3"
        raise DataError(f"a {kind} has {len(corners)} points, expected {expected}; correct or remove the shape")
    picture = Image.new("L", (width, height))
    draw = ImageDraw.Draw(picture)
    if kind == "circle":
        radius = float(np.hypot(*(corners[0] - corners[1])))
        box = [*(corners[0] - radius), *(corners[0] + radius)]
        as_corners(box, height, width)
        draw.ellipse(box, outline=1, fill=1)
    elif kind == "rectangle":
        draw.rectangle([*corners.min(axis=0), *corners.max(axis=0)], outline=1, fill=1)
    else:
        draw.polygon([(x, y) for x, y in corners.tolist()], outline=1, fill=1)
    return np.array(picture, bool)


def place(pixels: np.ndarray, left: int, top: int, height: int, width: int) -> np.ndarray:
    """The pixels of a part of an image (h, w) bool within the whole image.

    Raises:
        DataError: the part leaves the image.
    """
    bottom, right = top + pixels.shape[0], left + pixels.shape[1]
    check_part(left, top, right, bottom, height, width)
    whole = np.zeros((height, width), bool)
    whole[top:bottom, left:right] = pixels
    return whole


def check_part(left: int, top: int, right: int, bottom: int, height: int, width: int) -> None:
    """Checks that a part with pixels, given by its first and its last row and column + 1, is within an image.

    Raises:
        DataError: it is not.
    """
    if not (0 <= left < right <= width and 0 <= top < bottom <= height):
        raise DataError(
            f"a mask reaches from ({left}, {top}) to ({right}, {bottom}), the image is {width} x {height} (width x "
            "height); bring the image that was annotated, or remove the mask"
        )
