"""The files of pictures before they are decoded: their format and claimed number of pixels."""

import hashlib
import io
import itertools
import struct
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image, UnidentifiedImageError

from pipeline.disk.regular_files import check_place, read_regular
from pipeline.errors import DataError
from pipeline.text import shown

Image.MAX_IMAGE_PIXELS = None  # the limits below hold; Pillow's own would refuse aerial and microscope pictures
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
FORMATS = ("JPEG", "PNG", "BMP", "TIFF")
SUFFIX_OF_BEGINNING = {b"\xff\xd8\xff": ".jpg", b"\x89PNG\r\n\x1a\n": ".png", b"BM": ".bmp"} | dict.fromkeys(
    (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), ".tif"
)
BEGINNINGS = tuple(SUFFIX_OF_BEGINNING)
SUBFILE_TYPE, TILE_WIDTH, TILE_HEIGHT = 254, 322, 323
NO_PAGE = 0b101
"""Bits of a TIFF's subfile type: a smaller copy of another image (overview, thumbnail), or its transparency."""
HEADER_ERRORS = (OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, EOFError, struct.error)
"""Errors that Pillow raises for an odd header."""


class Limits(NamedTuple):
    """How large a picture may be.

    Attributes:
        max_image_px: height times width, as claimed by the header.
        max_file_bytes: size of the file.
        folders: folders that a link may lead into; (): any.
        has_pages: whether a TIFF may have several pages.
    """

    max_image_px: int
    max_file_bytes: int
    folders: tuple[Path, ...] = ()
    has_pages: bool = False


HIGHEST = Limits(max_image_px=1 << 28, max_file_bytes=1 << 31)
"""16,384 x 16,384 px, 0.8 GB as RGB: a larger one does not fit into memory with its probabilities; cut it."""


class PictureFile(NamedTuple):
    """A picture's file, read once to check, decode (to `max_image_px` pixels at most) and write the same bytes."""

    path: Path
    content: bytes
    max_image_px: int

    @property
    def md5(self) -> str:
        """MD5 of the content."""
        return hashlib.md5(self.content, usedforsecurity=False).hexdigest()

    @property
    def png_header(self) -> tuple[int, int] | None:
        """Bits per channel and colour type of a PNG; None for any other picture."""
        head = self.content[:26]
        return (head[24], head[25]) if len(head) == 26 and head.startswith(b"\x89PNG") else None


def list_images(folder: Path, suffixes: Sequence[str] = SUFFIXES) -> list[Path]:
    """Every picture below `folder` by its suffix, hidden files and folders left out, sorted by path.

    Links and special files are among them and are judged when they are opened, also a link to a folder that has a
    picture's suffix. Folders behind links are not searched.
    """
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in suffixes
        and (path.is_symlink() or not path.is_dir())
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def find_images(images: Path) -> tuple[list[Path], tuple[Path, ...]]:
    """A picture, or the pictures of a folder, and the files among them with another suffix; hidden files are neither.

    Raises:
        DataError: there is nothing at `images`, or no picture in the folder.
    """
    if images.is_file():
        return [images], ()
    if not images.is_dir():
        raise DataError(f"{images}: not found; expected a picture or a folder of pictures")
    pictures = list_images(images)
    visible = (path for path in images.rglob("*") if path.is_file() and not path.name.startswith("."))
    skipped = tuple(sorted(set(visible) - set(pictures)))
    if not pictures:
        raise DataError(
            f"{images}: holds no picture ({len(skipped)} other files); expected JPEG, PNG, TIFF, BMP or WebP"
        )
    return pictures, skipped


def open_picture(path: Path, limits: Limits = HIGHEST) -> PictureFile:
    """Reads a file and checks its header, without decoding it.

    Raises:
        DataError: it is missing, empty, not a regular file, not a JPEG, PNG, BMP, TIFF or WebP, of several pages, a
            link out of its folder, or beyond the limits.
    """
    return as_picture(path, read_content(path, limits), limits)


def as_picture(path: Path, content: bytes, limits: Limits = HIGHEST) -> PictureFile:
    """The content of a picture's file, of which only the header was read; `path` is for messages.

    Raises:
        DataError: it is empty, not a JPEG, PNG, BMP, TIFF or WebP, of several pages, or beyond the limits.
    """
    if not content:
        raise DataError(f"{shown(str(path))}: is empty (0 bytes); restore the file")
    picture = PictureFile(path, content, limits.max_image_px)
    check_px(picture, _claimed_px(picture, limits.has_pages))
    return picture


def read_content(path: Path, limits: Limits = HIGHEST) -> bytes:
    """The bytes of a file, without a look at them.

    Raises:
        DataError: it is missing, not a regular file, a link out of its folder, or too large.
    """
    if limits.folders:
        check_place(path, limits.folders)
    return read_regular(path, limits.max_file_bytes)


def check_px(picture: PictureFile, num_px: int) -> None:
    """Checks the number of pixels of a picture.

    Raises:
        DataError: they are too many; names the file and both numbers.
    """
    if num_px > picture.max_image_px:
        setting = " (validate.max_image_px)" if picture.max_image_px < HIGHEST.max_image_px else ""
        raise DataError(
            f"{shown(str(picture.path))}: claims {num_px:,} pixels in {len(picture.content):,} bytes, the limit is "
            f"{picture.max_image_px:,}{setting}; cut it into tiles, or remove it"
        )


def refuse(picture: PictureFile, reason: str) -> DataError:
    """The error for a file that does not decode."""
    return DataError(f"{shown(str(picture.path))}: cannot be decoded ({reason}); export it again")


def no_picture(picture: PictureFile) -> DataError:
    """The error for a file that is truncated or not a picture."""
    return refuse(picture, f"{len(picture.content)} bytes: truncated, or not a picture")


def _claimed_px(picture: PictureFile, has_pages: bool) -> int:
    """Height times width that the header claims, or those of its tiles if they are more.

    0 if Pillow knows the format but not this kind of it: OpenCV may, and holds the highest limit itself.
    """
    content = picture.content
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return _webp_px(picture)
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(content), formats=FORMATS) as opened:
            if not has_pages:
                _refuse_pages(picture, opened)
            tile = [getattr(opened, "tag_v2", {}).get(tag, 0) for tag in (TILE_WIDTH, TILE_HEIGHT)]
            return max(opened.width * opened.height, int(tile[0] * tile[1]))
    except (UnidentifiedImageError, NotImplementedError) as err:
        if content.startswith(BEGINNINGS):
            return 0
        raise no_picture(picture) from err
    except HEADER_ERRORS as err:
        raise refuse(picture, str(err)) from err


def suffix_of(picture: PictureFile) -> str:
    """The suffix of a picture's format.

    Raises:
        DataError: it is not a JPEG, PNG, BMP or TIFF.
    """
    found = [suffix for start, suffix in SUFFIX_OF_BEGINNING.items() if picture.content.startswith(start)]
    if not found:
        raise no_picture(picture)
    return found[0]


def _refuse_pages(picture: PictureFile, opened: Image.Image) -> None:
    """Raises for a TIFF with a second page; overviews and masks of a page, as geo TIFFs have them, are no pages."""
    if opened.format != "TIFF":
        return
    for number in itertools.count(1):
        try:
            opened.seek(number)
        except EOFError:
            break
        if not opened.tag_v2.get(SUBFILE_TYPE, 0) & NO_PAGE:  # type: ignore[attr-defined]
            raise DataError(
                f"{shown(str(picture.path))}: is a TIFF of several pages, expected one; take one with `segline import "
                "folder --page N`, or save the page as a file of its own"
            )
    opened.seek(0)


def _webp_px(picture: PictureFile) -> int:
    """From the first chunk (WebP container specification): Pillow would allocate the whole canvas."""
    kind, head = picture.content[12:16], picture.content[20:30]
    if len(head) < 10:
        raise no_picture(picture)
    if kind == b"VP8X":
        return (int.from_bytes(head[4:7], "little") + 1) * (int.from_bytes(head[7:10], "little") + 1)
    if kind == b"VP8L":
        bits = int.from_bytes(head[1:5], "little")
        return ((bits & 0x3FFF) + 1) * ((bits >> 14 & 0x3FFF) + 1)
    width, height = struct.unpack("<HH", head[6:10])
    return int(width & 0x3FFF) * int(height & 0x3FFF)
