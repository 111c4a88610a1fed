"""A source: the samples that an importer gives, and how each is written into a new data folder."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the command's help loads this file and must not wait for OpenCV
    import numpy as np

    from pipeline.dataset.contract import ClassList, Sample
    from pipeline.vision.picture_files import PictureFile

Write = Callable[[Path, "Sample"], None]


@dataclass(frozen=True)
class Source:
    """A labelled data set as an importer gives it.

    Attributes:
        classes: of the masks that `write` writes.
        samples: with their groups and frozen splits. `image` and `mask` are for `write` alone: None if it draws them.
        write: writes the image and the mask of a sample into a new data folder. Several threads call it. It raises
            DataError if a sample cannot be used; the import names all of these samples and writes nothing.
        notes: decisions, for the user.
        advice: what to do about samples that cannot be used.
    """

    classes: "ClassList"
    samples: "Sequence[Sample]"
    write: Write
    notes: Sequence[str] = ()
    advice: str = "repair them, or move them away with their masks"


def copy_image(folder: Path, sample: "Sample") -> tuple[int, int]:
    """Copies the image of a sample into a new data folder, byte for byte.

    Returns:
        (height, width) in pixels.

    Raises:
        DataError: the file cannot be decoded as an image.
    """
    from pipeline.vision.picture_files import open_picture

    assert sample.image
    return _write_picture(folder, f"{sample.name}{sample.image.suffix}", open_picture(sample.image))


def write_content(folder: Path, sample: "Sample", content: bytes) -> tuple[int, int]:
    """Writes an image, given by the content of a JPEG, PNG, BMP or TIFF file, into a new data folder as it is.

    Returns:
        (height, width) in pixels.

    Raises:
        DataError: the content cannot be decoded as an image.
    """
    from pipeline.vision.picture_files import as_picture, suffix_of

    picture = as_picture(sample.image or Path(sample.name), content)
    return _write_picture(folder, f"{sample.name}{suffix_of(picture)}", picture)


def write_mask(folder: Path, sample: "Sample", mask: "np.ndarray") -> None:
    """Writes the mask of a sample, (H, W) uint8 class ids, into a new data folder."""
    from pipeline.vision.codec import encode_png

    (folder / "masks" / f"{sample.name}.png").write_bytes(encode_png(mask))


def _write_picture(folder: Path, name: str, picture: "PictureFile") -> tuple[int, int]:
    from pipeline.vision.codec import decode_image

    height, width, _ = decode_image(picture).shape
    (folder / "images" / name).write_bytes(picture.content)
    return height, width
