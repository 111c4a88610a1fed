"""Masks as others store them: values, colours and alpha of a picture of any kind."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.errors import DataError
from pipeline.importers.label_map import Kind
from pipeline.importers.repairs.opened import ChoiceError, open_file, opened, read_page
from pipeline.importers.repairs.repairs import AS_THEY_ARE, Repairs
from pipeline.vision.codec import decode_stored
from pipeline.vision.picture_files import PictureFile

BY_PILLOW = ("1", "L", "P", "LA", "RGB", "RGBA", "CMYK", "I;16", "I;16B", "I;16L", "I", "F")
BITS_PER_SAMPLE = 258  # tag of a TIFF
LOSSY = "JPEG"


@dataclass(frozen=True)
class MaskPicture:
    """The pixels of a mask's file, upright.

    Attributes:
        index: (H, W) values as they are stored: of 1, 2 or 4 bits from 0, of a palette its indices; None if coloured.
        grey: (H, W) brightness as it is shown, of fewer than 8 bits stretched to 0 to 255; None if coloured.
        colours: (H, W, 3) uint8 RGB, None if there are more than 8 bits.
        alpha: (H, W) uint8, None if there is none.
        has_palette: index and brightness may differ.
    """

    path: Path
    index: np.ndarray | None
    grey: np.ndarray | None
    colours: np.ndarray | None
    alpha: np.ndarray | None = None
    has_palette: bool = False

    def stored_as(self, kind: Kind) -> np.ndarray:
        """What `to_ids` takes for that kind: (H, W) values, or (H, W, 3) RGB."""
        values = {"index": self.index, "binary": self.grey, "colour": self.colours}[kind]
        if values is None:
            values = self.grey if self.colours is None else self.colours
        assert values is not None
        return values

    @property
    def brightness(self) -> np.ndarray:
        """(H, W) grey values, of colours the mean of their channels."""
        if self.grey is not None:
            return self.grey
        assert self.colours is not None
        return np.asarray(self.colours.mean(axis=2))

    @property
    def differs_in_alpha_alone(self) -> bool:
        """True if all pixels have one colour, and not one alpha."""
        if self.alpha is None or self.colours is None or (self.alpha == self.alpha.flat[0]).all():
            return False
        return bool((self.colours == self.colours[0, 0]).all())


def read_mask_picture(path: Path, repairs: Repairs = AS_THEY_ARE) -> MaskPicture:
    """Reads a mask's file; alpha and pages are chosen as the repairs say.

    The values of a palette are its indices; those of a GIF are its colours, because programs number them anew.

    Raises:
        DataError: it cannot be decoded, has several pages or differs in alpha alone and the repairs do not say what
            counts.
    """
    picture = open_file(path)
    mask = _read_by_pillow(picture, repairs) or _from_pixels(path, decode_stored(picture))
    if repairs.alpha == "label":
        if mask.alpha is None:
            raise DataError(f"{path}: has no alpha channel, where --alpha label expects the classes")
        return MaskPicture(path, mask.alpha, mask.alpha, _as_colours(mask.alpha))
    if mask.differs_in_alpha_alone and repairs.alpha == "refuse":
        raise ChoiceError(f"{path}: all pixels have one colour and differ in alpha alone", alpha="label")
    return mask


def _read_by_pillow(picture: PictureFile, repairs: Repairs) -> MaskPicture | None:
    """None if OpenCV reads it better: 16-bit colours, which Pillow cuts, and JPEG, whose decoder the images have."""
    if picture.png_header:
        with opened(picture) as image:
            image.verify()  # Pillow itself reads a PNG whose end is missing
    try:
        with opened(picture) as image:
            page = read_page(image, repairs.page, picture.path)
            if page.mode not in BY_PILLOW or (image.format == LOSSY and page.mode != "CMYK"):
                return None
            if page.mode in ("RGB", "RGBA") and (picture.png_header or (8, 0))[0] == 16:
                return None
            return _from_page(picture, page, image.format or "", _bits(picture, image))
    except ChoiceError:
        raise
    except DataError:  # OpenCV reads kinds of TIFF and BMP that Pillow does not know, and refuses what is damaged
        if picture.path.suffix.lower() == ".gif":
            raise
        return None


def _bits(picture: PictureFile, image: Image.Image) -> int:
    """Bits of a grey value."""
    if picture.png_header:
        return picture.png_header[0]
    bits = getattr(image, "tag_v2", {}).get(BITS_PER_SAMPLE, 8)
    return int(bits[0] if isinstance(bits, tuple) else bits)


def _from_page(picture: PictureFile, page: Image.Image, format_: str, bits: int) -> MaskPicture:
    path = picture.path
    if page.mode == "1":
        bits_set = np.array(page, np.uint8)
        return MaskPicture(path, bits_set, bits_set * 255, _as_colours(bits_set * 255))
    if page.mode == "P":
        rgba = np.array(page.convert("RGBA"))
        alpha = rgba[:, :, 3] if "transparency" in page.info else None
        shown = _from_pixels(path, np.ascontiguousarray(rgba[:, :, :3]))
        index = shown.grey if format_ == "GIF" else np.array(page)
        return MaskPicture(path, index, shown.grey, shown.colours, alpha, has_palette=format_ != "GIF")
    if page.mode in ("LA", "RGBA"):
        pixels = np.array(page)
        of_colours = pixels[:, :, 0] if page.mode == "LA" else np.ascontiguousarray(pixels[:, :, :3])
        plain = _from_pixels(path, of_colours)
        return MaskPicture(path, plain.index, plain.grey, plain.colours, pixels[:, :, -1])
    pixels = np.array(page.convert("RGB") if page.mode == "CMYK" else page)
    if page.mode == "L" and bits < 8:
        return MaskPicture(path, pixels // (255 // (2**bits - 1)), pixels, _as_colours(pixels))
    return _from_pixels(path, pixels)


def _from_pixels(path: Path, pixels: np.ndarray) -> MaskPicture:
    """From (H, W) of any type or (H, W, 3) RGB; three equal channels are grey."""
    if pixels.ndim == 3:
        is_grey = (pixels == pixels[:, :, :1]).all()
        grey = np.ascontiguousarray(pixels[:, :, 0]) if is_grey else None
        if pixels.dtype != np.uint8 and grey is None:
            raise DataError(f"{path}: has 16 bits per channel, where colours of 8 bits were expected")
        return MaskPicture(path, grey, grey, pixels if pixels.dtype == np.uint8 else None)
    if pixels.dtype.kind == "f" and np.isnan(pixels).any():
        raise DataError(f"{path}: {np.isnan(pixels).sum()} pixels are nan, where values were expected; export it again")
    if pixels.dtype.kind == "f" and (pixels == np.round(pixels)).all():
        pixels = pixels.astype(np.int64)
    return MaskPicture(path, pixels, pixels, _as_colours(pixels) if pixels.dtype == np.uint8 else None)


def _as_colours(grey: np.ndarray) -> np.ndarray:
    return np.broadcast_to(grey[:, :, None], (*grey.shape, 3))
