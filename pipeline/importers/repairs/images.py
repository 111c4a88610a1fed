"""Images in the data set's formats: byte for byte, or as PNG if the contract does not know their format."""

from pathlib import Path

import numpy as np

from pipeline.dataset.contract import Sample
from pipeline.errors import DataError
from pipeline.importers.repairs.opened import Header, open_file, opened, read_header, read_page
from pipeline.vision.codec import decode_image, encode_png
from pipeline.vision.picture_files import PictureFile


def bring_image(folder: Path, sample: Sample, page: int | None) -> tuple[int, int]:
    """Copies the image of a sample into a new data folder byte for byte, or writes it there as PNG, upright.

    Returns:
        (height, width) in pixels, upright.

    Raises:
        DataError: the file cannot be decoded.
    """
    assert sample.image
    pixels, content = read_image_file(sample.image, page)
    suffix = sample.image.suffix if content else ".png"
    (folder / "images" / f"{sample.name}{suffix}").write_bytes(content or encode_png(pixels))
    return pixels.shape[0], pixels.shape[1]


def read_image_file(path: Path, page: int | None) -> tuple[np.ndarray, bytes]:
    """Reads an image as (H, W, 3) uint8 RGB, upright, and the file's content; b"" if it cannot be copied as it is.

    Raises:
        DataError: the file cannot be decoded.
    """
    picture = open_file(path)
    if not _must_convert(picture):
        return decode_image(picture), picture.content
    with opened(picture) as image:
        return np.array(read_page(image, page, path).convert("RGBA").convert("RGB")), b""


def format_to_convert(header: Header) -> str:
    """The format of an image that cannot be copied, "" if it can.

    The contract knows no GIF. OpenCV gives wrong colours for the CMYK of a JPEG, and the first page of several.
    """
    if header.format == "GIF":
        return "GIF"
    if header.format == "JPEG" and header.mode == "CMYK":
        return "CMYK JPEG"
    return f"{header.format} of several pages" if header.num_pages > 1 else ""


def _must_convert(picture: PictureFile) -> bool:
    try:
        return bool(format_to_convert(read_header(picture)))
    except DataError:  # OpenCV reads kinds of TIFF that Pillow does not know
        return False
