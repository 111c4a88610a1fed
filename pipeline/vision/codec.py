"""Pictures to pixels and back: decoding upright, as RGB or as stored, and encoding to PNG and JPEG."""

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from pipeline.disk.files import written_whole
from pipeline.errors import DataError
from pipeline.vision.opencv import cv2
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

PALETTE = 3  # colour type of a PNG


def read_image(path: Path, limits: Limits = HIGHEST) -> np.ndarray:
    """Reads a picture as (H, W, 3) uint8 RGB, upright (EXIF applied); see `decode_image`.

    Raises:
        DataError: the file is missing, truncated, not a picture, or beyond the limits.
    """
    return decode_image(open_picture(path, limits))


def read_stored(path: Path) -> np.ndarray:
    """Reads a picture as it is stored, (H, W) or (H, W, 3) RGB, uint8 or uint16; see `decode_stored`.

    Raises:
        DataError: the file is missing, truncated, not a picture, or beyond the highest limits.
    """
    return decode_stored(open_picture(path))


def decode_image(picture: PictureFile) -> np.ndarray:
    """A picture upright as (H, W, 3) uint8 RGB: grey is repeated, alpha is dropped, 16 bits lose the low 8.

    Raises:
        DataError: it is truncated or not a picture.
    """
    return _decode(picture, cv2.IMREAD_COLOR_RGB)


def decode_stored(picture: PictureFile) -> np.ndarray:
    """A picture upright in its own depth and channels, (H, W) or (H, W, 3) RGB, uint8 or uint16.

    A palette PNG gives its indices; alpha is dropped.

    Raises:
        DataError: it is truncated or not a picture.
    """
    if picture.png_header and picture.png_header[1] == PALETTE:
        return _decode_palette_indices(picture)
    stored = _decode(picture, cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR)
    return stored if stored.ndim == 2 else np.ascontiguousarray(stored[:, :, ::-1])


def read_mask(path: Path) -> np.ndarray:
    """Reads a mask of the data contract, (H, W) uint8 class ids.

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
    """True for a 16-bit picture that fills less than 1/16 of its range: in 8 bits it is nearly black."""
    stored = _decode(picture, cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR)
    return stored.dtype == np.uint16 and int(stored.max()) < 1 << 12


def write_png(path: Path, pixels: np.ndarray) -> None:
    """Writes (H, W) or (H, W, 3) RGB uint8 as PNG, whole or not at all."""
    with written_whole(path) as part:
        part.write_bytes(encode_png(pixels))


def encode_png(pixels: np.ndarray, compression: int = 6) -> bytes:
    """PNG bytes of (H, W) or (H, W, 3) RGB uint8; equal pixels give equal bytes; `compression` 9 is slowest."""
    bgr = pixels if pixels.ndim == 2 else pixels[:, :, ::-1]
    return _encode(".png", bgr, [cv2.IMWRITE_PNG_COMPRESSION, compression])


def encode_jpeg(image: np.ndarray, quality: int) -> bytes:
    """JPEG bytes of (H, W, 3) RGB uint8; equal pixels give equal bytes."""
    return _encode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])


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
