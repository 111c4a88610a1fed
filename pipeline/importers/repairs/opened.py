"""Pictures as Pillow opens them: headers without decoding, one page of several, and kinds that OpenCV reads wrong."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageOps

from pipeline.disk.regular_files import read_regular
from pipeline.errors import DataError
from pipeline.vision.picture_files import (
    HEADER_ERRORS,
    HIGHEST,
    SUFFIXES,
    PictureFile,
    check_px,
    open_picture,
    refuse,
)

IMPORTED_SUFFIXES = (*SUFFIXES, ".gif")
"""Suffixes of the files that an import reads; a GIF becomes a PNG."""
EXIF_ORIENTATION = 0x112
TIFF_SUBFILE, REDUCED = 254, 1
"""Tag of a TIFF's page, and its bit of pages that are a smaller copy of another one."""
Size = tuple[int, int]


class ChoiceError(DataError):
    """A file can be read in several ways; `options` make the choice."""

    def __init__(self, text: str, **options: object) -> None:
        super().__init__(text)
        self.options = options


class Header(NamedTuple):
    """A picture without its pixels.

    Attributes:
        format: Pillow's name, such as "PNG".
        mode: Pillow's, such as "L" or "CMYK".
        size: (height, width) in pixels, upright (EXIF applied).
        orientation: EXIF's, 1 (upright) to 8.
        num_pages: pages or frames, without smaller copies.
    """

    format: str
    mode: str
    size: Size
    orientation: int
    num_pages: int

    @property
    def stored_size(self) -> Size:
        """(height, width) in pixels, as stored."""
        return self.size[::-1] if self.orientation >= 5 else self.size


def read_header(picture: PictureFile) -> Header:
    """Reads the header of a picture.

    Raises:
        DataError: it is damaged, or of a kind that Pillow does not know.
    """
    with opened(picture) as image:
        pages = pages_of(image)
        image.seek(pages[0])
        orientation = Image.Image.getexif(image).get(EXIF_ORIENTATION, 1)
        orientation = orientation if orientation in range(1, 9) else 1
        is_swapped = orientation >= 5 and image.format != "TIFF"  # Pillow gives the upright size of a TIFF
        size = (image.width, image.height) if is_swapped else (image.height, image.width)
        return Header(image.format or "", image.mode, size, orientation, len(pages))


def open_file(path: Path) -> PictureFile:
    """As `open_picture`, also for a GIF and a TIFF of several pages.

    Raises:
        DataError: see `open_picture`.
    """
    if path.suffix.lower() != ".gif":
        return open_picture(path, HIGHEST._replace(has_pages=True))
    content = read_regular(path, HIGHEST.max_file_bytes)
    picture = PictureFile(path, content, HIGHEST.max_image_px)
    with opened(picture) as image:
        check_px(picture, image.width * image.height)
    return picture


@contextmanager
def opened(picture: PictureFile) -> Iterator[Image.Image]:
    """The picture as Pillow opens it; errors of the block become those of a picture that cannot be decoded."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(picture.content)) as image:
            yield image
    except HEADER_ERRORS as err:
        if isinstance(err, DataError):
            raise
        raise refuse(picture, str(err)) from err


def read_page(image: Image.Image, page: int | None, path: Path) -> Image.Image:
    """One page of an opened picture, decoded and upright; the only one if there is one.

    Raises:
        ChoiceError: it has several pages and `page` is None or not among them.
    """
    pages = pages_of(image)
    if len(pages) > 1 and (page is None or page > len(pages)):
        raise ChoiceError(f"{path}: has {len(pages)} pages or frames", page=1)
    image.seek(pages[page - 1 if page and len(pages) > 1 else 0])
    image.load()
    return ImageOps.exif_transpose(image)


def pages_of(image: Image.Image) -> list[int]:
    """Numbers of the pages or frames, from 0, without those that are smaller copies of others."""
    number = getattr(image, "n_frames", 1)
    if number == 1 or image.format != "TIFF":
        return list(range(number))
    pages = []
    for page in range(number):
        image.seek(page)
        if not image.tag_v2.get(TIFF_SUBFILE, 0) & REDUCED:  # type: ignore[attr-defined]
            pages.append(page)
    return pages or [0]
