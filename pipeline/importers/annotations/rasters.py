"""Areas as pixels, by the rules of the tools that make them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from pycocotools import mask as coco_mask

from pipeline.errors import DataError
from pipeline.vision.opencv import cv2
from pipeline.vision.runs import fill_columns, parse_counts

MIN_CORNERS = 3
Patch = tuple[tuple[slice, slice], np.ndarray]
"""Rows and columns of a part of an image, and the pixels of an area in it (h, w) bool; outside of it there are none."""
WHOLE = slice(None), slice(None)


def fill_polygons(polygons: Sequence[Any], height: int, width: int, scale: tuple[float, float] = (1, 1)) -> Patch:
    """The union of polygons as pycocotools fills them; parts outside of the image are cut off.

    Args:
        polygons: each (N, 2) x and y in pixels, the image's upper left corner is (0, 0). Fewer than three corners
            enclose nothing.
        scale: factors that turn x and y into pixels.

    Raises:
        DataError: see `as_corners`.
    """
    corners = [as_corners(polygon, height, width, scale) for polygon in polygons]
    flat = [points.ravel().tolist() for points in corners if len(points) >= MIN_CORNERS]
    runs = coco_mask.merge(coco_mask.frPyObjects(flat, height, width))["counts"].decode() if flat else ""
    return fill_coco(parse_counts(runs) or [height * width], height, width)


def fill_coco(counts: Sequence[int], height: int, width: int) -> Patch:
    """COCO's run lengths, which go down the columns.

    Raises:
        DataError: they do not add up to the image's size.
    """
    columns, pixels = fill_columns(counts, height, width)
    return (slice(None), columns), pixels


def as_corners(points: Any, height: int, width: int, scale: tuple[float, float] = (1, 1)) -> np.ndarray:
    """Points times `scale` as (N, 2) float64 that may be drawn: libraries fail or take all memory on wilder ones.

    Raises:
        DataError: they are not pairs of finite numbers, are all outside of the image, or one is farther away from it
            than its larger side.
    """
    try:
        corners = np.array(points, np.float64).reshape(-1, 2) * scale
    except (ValueError, TypeError) as err:
        raise DataError(f"an area's corners are not pairs of numbers ({err}); correct the area") from err
    if not np.isfinite(corners).all():
        raise DataError("a corner of an area is not a finite number; correct the area")
    if not len(corners):
        return corners
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


def fill_ellipse(centre: tuple[float, float], radii: tuple[float, float], degrees: float, size: Any) -> Patch:
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
    return WHOLE, np.asarray((along * radii[1]) ** 2 + (across * radii[0]) ** 2 <= (radii[0] * radii[1]) ** 2)


def fill_ellipse_as_cvat(centre: tuple[float, float], radii: tuple[float, float], degrees: float, size: Any) -> Patch:
    """An ellipse as CVAT's own exports have it: by OpenCV, centre and radii rounded; `size` is (height, width).

    Raises:
        DataError: see `as_corners`.
    """
    check_ellipse(centre, radii, degrees, *size)
    pixels = np.zeros(size, np.uint8)
    at, axes = (round(centre[0]), round(centre[1])), (round(radii[0]), round(radii[1]))
    cv2.ellipse(pixels, at, axes, degrees, 0, 360, 1, thickness=-1)
    return WHOLE, pixels.astype(bool)


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


def fill_as_labelme(kind: str, points: Any, height: int, width: int) -> Patch:
    """A shape as Labelme's `shapes_to_label` fills it: by Pillow, edges included.

    Raises:
        DataError: it has another number of points than its kind; else see `as_corners`.
    """
    corners = as_corners(points, height, width)
    if len(corners) != 2 if kind in ("circle", "rectangle") else len(corners) < MIN_CORNERS:
        expected = "2" if kind in ("circle", "rectangle") else "at least 3"
        raise DataError(f"a {kind} has {len(corners)} points, expected {expected}; correct or remove the shape")
    low, high = corners.min(axis=0), corners.max(axis=0)
    if kind == "circle":
        radius = float(np.hypot(*(corners[0] - corners[1])))
        low, high = as_corners([corners[0] - radius, corners[0] + radius], height, width)
    right, bottom = np.clip(np.ceil(high).astype(int) + 2, 1, (width, height)).tolist()  # Pillow draws nothing beyond
    picture = Image.new("L", (right, bottom))
    draw = ImageDraw.Draw(picture)
    if kind == "circle":
        draw.ellipse([*low, *high], outline=1, fill=1)
    elif kind == "rectangle":
        draw.rectangle([*low, *high], outline=1, fill=1)
    else:
        draw.polygon([(x, y) for x, y in corners.tolist()], outline=1, fill=1)
    return (slice(bottom), slice(right)), np.array(picture, bool)


def place(pixels: np.ndarray, left: int, top: int, height: int, width: int) -> Patch:
    """The pixels of a part of an image (h, w) bool.

    Raises:
        DataError: the part leaves the image.
    """
    bottom, right = top + pixels.shape[0], left + pixels.shape[1]
    check_part(left, top, right, bottom, height, width)
    return (slice(top, bottom), slice(left, right)), pixels


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
