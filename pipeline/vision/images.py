"""The one door to OpenCV: pictures in and out, resizing and cleaning of masks, edges, areas, perceptual hashes."""

import io
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps
from scipy.ndimage import find_objects

from pipeline.disk.files import written_whole
from pipeline.errors import DataError
from pipeline.vision.picture_files import (
    HEADER_ERRORS,
    HIGHEST,
    Limits,
    PictureFile,
    check_px,
    no_picture,
    open_picture,
    refuse,
)

os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"] = str(HIGHEST.max_image_px)  # is read once, at the import
import cv2  # noqa: E402

cv2.setNumThreads(1)  # the callers run in parallel themselves
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
PNG_COLOUR_TYPE = 25  # offset of the colour type's byte in a PNG file
PALETTE = 3
EXACT_FLOAT32 = 1 << 24  # float32, in which OpenCV counts, has every whole number up to here
FAR_PX = 20_000  # beyond this OpenCV's fixed-point corners overflow


class Area(NamedTuple):
    """A connected region.

    Attributes:
        box: the rows and columns that it lies in, to cut it out of any array of the picture's size.
        inside: (h, w) bool, the region within its box.
    """

    box: tuple[slice, slice]
    inside: np.ndarray


def list_images(folder: Path) -> list[Path]:
    """Every picture below `folder` by its suffix, hidden files and folders left out, sorted by path.

    Links and special files are among them, for whoever opens one to judge, also a link to a folder that is named as a
    picture is; folders behind links are not looked into.
    """
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and (path.is_symlink() or not path.is_dir())
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def read_image(path: Path, limits: Limits = HIGHEST) -> np.ndarray:
    """Reads a picture upright (EXIF applied); see `decode_image`.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        DataError: the file is missing, truncated, no picture, or beyond the limits.
    """
    return decode_image(open_picture(path, limits))


def read_stored(path: Path) -> np.ndarray:
    """Reads a picture upright in the depth and the channels it is stored with; see `decode_stored`.

    Returns:
        (H, W) or (H, W, 3) RGB, uint8 or uint16.

    Raises:
        DataError: the file is missing, truncated, no picture, or beyond the highest limits.
    """
    return decode_stored(open_picture(path))


def decode_image(picture: PictureFile) -> np.ndarray:
    """A picture upright: grey is repeated over the channels, alpha is dropped, 16 bits lose the low 8.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        DataError: it is truncated or no picture.
    """
    return _decode(picture, cv2.IMREAD_COLOR_RGB)


def decode_stored(picture: PictureFile) -> np.ndarray:
    """A picture upright in the depth and the channels it is stored with; a palette's PNG gives its indices.

    Returns:
        (H, W) or (H, W, 3) RGB, uint8 or uint16; alpha is dropped.

    Raises:
        DataError: it is truncated or no picture.
    """
    head = picture.content[: PNG_COLOUR_TYPE + 1]
    if head.startswith(b"\x89PNG") and len(head) > PNG_COLOUR_TYPE and head[PNG_COLOUR_TYPE] == PALETTE:
        return _decode_palette_indices(picture)
    stored = _decode(picture, cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR)
    return stored if stored.ndim == 2 else np.ascontiguousarray(stored[:, :, ::-1])


def read_mask(path: Path) -> np.ndarray:
    """Reads a mask of the data contract.

    Returns:
        (H, W) uint8 class ids.

    Raises:
        DataError: the file cannot be decoded, or is not a one-channel 8-bit mask.
    """
    mask = read_stored(path)
    if mask.ndim != 2:
        raise DataError(
            f"{path}: mask has {mask.shape[2]} channels, expected one (class ids); "
            "turn colours into ids with `segline import folder`"
        )
    if mask.dtype != np.uint8:
        raise DataError(f"{path}: mask is {mask.dtype}, expected uint8; ids above 255 do not fit the contract")
    return mask


def has_low_range(picture: PictureFile) -> bool:
    """True for a 16-bit picture that fills less than 1/16 of its range: nearly black once it has 8 bits."""
    stored = _decode(picture, cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR)
    return stored.dtype == np.uint16 and int(stored.max()) < 1 << 12


def write_png(path: Path, pixels: np.ndarray) -> None:
    """Writes (H, W) or (H, W, 3) RGB uint8 as PNG, whole or not at all."""
    with written_whole(path) as beside:
        beside.write_bytes(encode_png(pixels))


def encode_png(pixels: np.ndarray) -> bytes:
    """PNG bytes of (H, W) or (H, W, 3) RGB uint8; equal pixels give equal bytes."""
    bgr = pixels if pixels.ndim == 2 else pixels[:, :, ::-1]
    return _encode(".png", bgr, [cv2.IMWRITE_PNG_COMPRESSION, 6])


def encode_jpeg(image: np.ndarray, quality: int) -> bytes:
    """JPEG bytes of (H, W, 3) RGB uint8; equal pixels give equal bytes."""
    return _encode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])


def resize_mask(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resizes (H, W) ids to `size` (height, width) by nearest neighbour; no new id can appear."""
    return _resize(mask, size, cv2.INTER_NEAREST_EXACT)


def draw_polygon(pixels: np.ndarray, points: np.ndarray, value: int | tuple[int, int, int]) -> None:
    """Fills a polygon in place, without smoothing of its edge; what lies outside of the picture is cut off.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
        points: (N, 2) x and y of the corners, in pixels; they are rounded to 1/16.
        value: of each pixel inside.
    """
    corners = np.rint(np.minimum(np.maximum(points, -FAR_PX), FAR_PX) * 16).astype(np.int32)
    cv2.fillPoly(pixels, [corners], value, lineType=cv2.LINE_8, shift=4)


def difference_hash(image: np.ndarray) -> int:
    """64-bit perceptual hash: the signs of the horizontal gradients of the 8 x 9 grey thumbnail (dHash)."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    thumbnail = _resize(grey, (8, 9), cv2.INTER_AREA).astype(np.int16)
    bits = thumbnail[:, 1:] > thumbnail[:, :-1]
    return int.from_bytes(np.packbits(bits).tobytes())


def open_mask(mask: np.ndarray, size_px: int) -> np.ndarray:
    """Morphological opening of a (H, W) bool mask by an ellipse `size_px` across: removes thinner parts."""
    return _morph(mask, cv2.MORPH_OPEN, size_px)


def close_mask(mask: np.ndarray, size_px: int) -> np.ndarray:
    """Morphological closing of a (H, W) bool mask by an ellipse `size_px` across: fills narrower gaps."""
    return _morph(mask, cv2.MORPH_CLOSE, size_px)


def drop_small_areas(mask: np.ndarray, min_area_px: int) -> np.ndarray:
    """Removes the 8-connected regions of a (H, W) bool mask that are smaller than `min_area_px` pixels."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    keep = stats[:, cv2.CC_STAT_AREA] >= min_area_px
    keep[0] = False
    return np.asarray(keep[labels])


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


def list_areas(mask: np.ndarray, min_area_px: int) -> list[Area]:
    """The 8-connected regions of a (H, W) bool mask that have at least `min_area_px` pixels."""
    if np.count_nonzero(mask) < min_area_px:
        return []
    _, labels = cv2.connectedComponents(mask.view(np.uint8), connectivity=8)
    num_pixels, boxes = np.bincount(labels[mask]), find_objects(labels)  # in half the time of OpenCV's statistics
    large = np.flatnonzero(num_pixels >= max(min_area_px, 1))
    return [Area(boxes[label - 1], labels[boxes[label - 1]] == label) for label in large]


def look_up(ids: np.ndarray, table: np.ndarray) -> np.ndarray:
    """The entry of `table` (256,) uint8, uint16 or uint32 for each of the ids (H, W) uint8; faster than `np.take`."""
    return np.asarray(cv2.LUT(ids, table))


def blend(image: np.ndarray, colours: np.ndarray, opacity: float) -> np.ndarray:
    """Lays `colours` over `image`, both (H, W, 3) uint8; `opacity` is in [0, 1]."""
    return np.asarray(cv2.addWeighted(colours, opacity, image, 1 - opacity, 0))


def paste(source: np.ndarray, where: np.ndarray, target: np.ndarray) -> None:
    """Copies the pixels of `source` (H, W, 3) uint8 `where` (H, W) bool says so into `target`, in place."""
    cv2.copyTo(source, where.view(np.uint8), target)


def count_ids(*ids: np.ndarray) -> np.ndarray:
    """How often each id occurs, in half the time of `np.bincount`; of two arrays, each pair of ids at one place.

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


def near_other_ids(ids: np.ndarray, distance_px: int, border: bool) -> np.ndarray:
    """Where a pixel of another id lies at most `distance_px` away, the larger of rows and columns (Chebyshev).

    Args:
        ids: (H, W) uint8.
        distance_px: at least 1.
        border: whether what lies outside of the picture has another id, too; an id 255 does not see it.

    Returns:
        (H, W) bool.
    """
    kernel = np.ones((2 * distance_px + 1, 2 * distance_px + 1), np.uint8)
    outside = {"borderType": cv2.BORDER_CONSTANT, "borderValue": 255} if border else {}
    return np.asarray(cv2.dilate(ids, kernel, **outside) != cv2.erode(ids, kernel))


def mean_luma(image: np.ndarray) -> float:
    """Mean brightness of (H, W, 3) RGB uint8, in [0, 255]: 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601)."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return float(cv2.sumElems(grey)[0] / grey.size)


def _morph(mask: np.ndarray, operation: int, size_px: int) -> np.ndarray:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size_px, size_px))
    return np.asarray(cv2.morphologyEx(mask.astype(np.uint8), operation, kernel), bool)


def _resize(pixels: np.ndarray, size: tuple[int, int], interpolation: int) -> np.ndarray:
    if pixels.shape[:2] == size:
        return pixels
    return np.asarray(cv2.resize(pixels, (size[1], size[0]), interpolation=interpolation))


def _decode(picture: PictureFile, flags: int) -> np.ndarray:
    try:
        pixels = cv2.imdecode(np.frombuffer(picture.content, np.uint8), flags)
    except cv2.error as err:
        raise refuse(picture, err.err) from err
    if pixels is None:
        raise no_picture(picture)
    check_px(picture, pixels.shape[0] * pixels.shape[1])
    return np.asarray(pixels)


def _decode_palette_indices(picture: PictureFile) -> np.ndarray:
    """Index of each pixel of a palette PNG, which OpenCV would give as colours."""
    try:
        with Image.open(io.BytesIO(picture.content), formats=("PNG",)) as opened:
            return np.array(ImageOps.exif_transpose(opened))
    except HEADER_ERRORS as err:
        raise refuse(picture, str(err)) from err


def _encode(suffix: str, pixels: np.ndarray, options: list[int]) -> bytes:
    done, content = cv2.imencode(suffix, np.ascontiguousarray(pixels), options)
    assert done, f"cannot encode {pixels.shape} {pixels.dtype} as {suffix}"
    return content.tobytes()
