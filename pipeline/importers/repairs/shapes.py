"""Sizes and orientations of images and their masks, from the files' headers."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline.dataset.contract import Sample
from pipeline.errors import DataError
from pipeline.importers.repairs.command import Command, counted, name_some, next_step, refusal
from pipeline.importers.repairs.images import format_to_convert
from pipeline.importers.repairs.opened import Header, Size, open_file, read_header
from pipeline.importers.repairs.repairs import Repairs
from pipeline.runtime.parallel import in_threads
from pipeline.vision.resize import resize_mask

MAX_IMAGE_PX = 100_000_000
"""Default of `validate.max_image_px`."""


class Shape(NamedTuple):
    """The headers of a sample's image and mask."""

    sample: Sample
    image: Header
    mask: Header

    @property
    def is_turned(self) -> bool:
        """The image has an EXIF orientation, the mask has none."""
        return self.image.orientation != 1 and self.mask.orientation == 1

    def fits(self, is_stored: bool) -> bool:
        """The mask has the shape of the upright or of the stored image."""
        size = self.image.stored_size if is_stored else self.image.size
        is_exact = self.mask.size in (self.image.size, self.image.stored_size)
        return self.mask.size == size if is_exact else is_alike(self.mask.size, size)


def is_alike(size: Size, other: Size) -> bool:
    """True if two sizes have one aspect ratio, but for a pixel of the smaller one."""
    return abs(size[0] * other[1] - size[1] * other[0]) <= max(*size, *other)


def check_shapes(samples: Sequence[Sample], repairs: Repairs, command: Command | None) -> list[str]:
    """Checks that each mask has its image's size, or that the repairs give it that; gives notes.

    Files whose headers cannot be read are left to their decoder.

    Raises:
        DataError: files have several pages, images are turned, or masks have other sizes, and the repairs do not say
            what to do; each sample's file is counted.
    """
    shapes = [shape for shape in in_threads(_shape_of, samples) if shape]
    _refuse_pages(shapes, repairs, command)
    _refuse_turned(shapes, repairs, command)
    return [*_check_sizes(shapes, repairs, command), *_note_converted(shapes), *_note_large(shapes)]


def with_shape_of(mask: np.ndarray, sample: Sample, size: Size, repairs: Repairs) -> np.ndarray:
    """Turns and resizes class ids (H, W) as the repairs say.

    Args:
        size: (height, width) of the upright image.

    Raises:
        DataError: they have another size than the image all the same.
    """
    assert sample.image and sample.mask
    if repairs.mask_orientation == "stored":
        image, stored = (read_header(open_file(path)) for path in (sample.image, sample.mask))
        mask = turned(mask, image.orientation) if stored.orientation == 1 else mask
    if repairs.fit_masks and is_alike((mask.shape[0], mask.shape[1]), size):
        mask = resize_mask(np.ascontiguousarray(mask), size)
    if mask.shape != size:
        raise DataError(f"{sample.mask}: mask is {_text(mask.shape)}, image is {_text(size)} (height x width, upright)")
    return mask


def turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Stored pixels (H, W) upright, by an EXIF orientation from 1 to 8 (EXIF 2.32, 4.6.4, tag 274)."""
    if orientation >= 5:  # rows and columns change places
        pixels = pixels.T
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels[:, ::-1] if orientation in (2, 3, 6, 7) else pixels


def _shape_of(sample: Sample) -> Shape | None:
    assert sample.image and sample.mask
    try:
        return Shape(sample, read_header(open_file(sample.image)), read_header(open_file(sample.mask)))
    except DataError:
        return None


def _refuse_pages(shapes: Sequence[Shape], repairs: Repairs, command: Command | None) -> None:
    several = [
        (path, header.num_pages)
        for shape in shapes
        for path, header in ((shape.sample.image, shape.image), (shape.sample.mask, shape.mask))
        if header.num_pages > 1 and (repairs.page is None or repairs.page > header.num_pages)
    ]
    if several:
        most = max(number for _, number in several)
        raise refusal(
            f"{counted(len(several), 'file')} of {2 * len(shapes)} have several pages or frames, up to {most}, and "
            f"page {repairs.page or 'to read'} is not {'in all' if repairs.page else 'named'}: "
            f"{_names(path for path, _ in several)}; give its number, or split the files",
            *next_step(command, page=1),
        )


def _refuse_turned(shapes: Sequence[Shape], repairs: Repairs, command: Command | None) -> None:
    turned_ones = [shape for shape in shapes if shape.is_turned]
    if repairs.mask_orientation != "refuse":
        return
    either = [shape for shape in turned_ones if shape.fits(True) and shape.fits(False)]
    stored = [shape for shape in turned_ones if shape.fits(True) and not shape.fits(False)]
    upright = [shape for shape in turned_ones if shape.fits(False) and not shape.fits(True)]
    if not either and not stored:
        return
    if stored and not upright:
        proof = f"the sizes of {counted(len(stored), 'mask')} show that they were drawn on the stored image"
        options = ["stored"]
    elif upright and not stored:
        proof = f"the sizes of {counted(len(upright), 'mask')} show that they were drawn on the upright image"
        options = ["upright"]
    else:
        proof = "sizes cannot show which; look at such a pair: upright is the image as viewers show it"
        options = ["stored", "upright"]
    raise refusal(
        f"{counted(len(either) + len(stored), 'image')} of {len(shapes)} are turned by an EXIF orientation and their "
        f"masks are not: {_names(shape.sample.image for shape in either + stored)}; {proof}",
        *(line for option in options for line in next_step(command, mask_orientation=option)),
    )


def _check_sizes(shapes: Sequence[Shape], repairs: Repairs, command: Command | None) -> list[str]:
    other = [shape for shape in shapes if _expected_of(shape, repairs) != shape.mask.size]
    alike = [shape for shape in other if is_alike(shape.mask.size, _expected_of(shape, repairs))]
    if len(alike) < len(other):
        bad = [shape for shape in other if shape not in alike]
        raise refusal(
            f"{counted(len(bad), 'mask')} of {len(shapes)} have another shape than their image: "
            f"{_sizes(bad, repairs)}; export them again at their image's size",
            *next_step(command),
        )
    if other and not repairs.fit_masks:
        raise refusal(
            f"{counted(len(other), 'mask')} of {len(shapes)} have another size than their image, of the same aspect "
            f"ratio: {_sizes(other, repairs)}; export them again at their image's size, or have them resized by "
            "nearest neighbour",
            *next_step(command, fit_masks=True),
        )
    return [f"masks of another size that were resized to their image's: {len(other)}"] if other else []


def _note_converted(shapes: Sequence[Shape]) -> list[str]:
    formats = Counter(filter(None, (format_to_convert(shape.image) for shape in shapes)))
    return [
        f"images that were converted to PNG because they are {name}: {num}" for name, num in sorted(formats.items())
    ]


def _note_large(shapes: Sequence[Shape]) -> list[str]:
    large = {
        str(shape.sample.image): px
        for shape in shapes
        if (px := shape.image.size[0] * shape.image.size[1]) > MAX_IMAGE_PX
    }
    if not large:
        return []
    return [
        f"images of more than {MAX_IMAGE_PX:,} pixels, which `validate` refuses: {name_some(large)}; set "
        f"validate.max_image_px in params.yaml to {max(large.values())}"
    ]


def _expected_of(shape: Shape, repairs: Repairs) -> Size:
    """The size that the stored mask must have."""
    is_stored = shape.is_turned and repairs.mask_orientation == "stored"
    return shape.image.stored_size if is_stored else shape.image.size


def _sizes(shapes: Sequence[Shape], repairs: Repairs) -> str:
    return name_some(
        f"{shape.sample.mask} is {_text(shape.mask.size)}, the image {_text(_expected_of(shape, repairs))}"
        for shape in shapes
    )


def _text(size: Sequence[int]) -> str:
    return f"{size[0]} x {size[1]}"


def _names(paths: Iterable[Path | None]) -> str:
    return name_some(map(str, paths))
