"""A sheet of overlays with the names of the classes in their colours, so that a swapped order of classes is seen."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.dataset.contract import ClassList, Sample
from pipeline.disk.files import written_whole
from pipeline.vision.codec import encode_jpeg, read_image, read_mask
from pipeline.vision.drawing import tint, write_line
from pipeline.vision.resize import resize_image, resize_mask

TILE, NUM_COLUMNS = (210, 280), 4
"""Height and width of a picture on the sheet, pixels."""
ROW_PX, NAME_WIDTH_PX, MAX_CHARS = 20, 280, 30
WHITE = 255


def write_sheet(path: Path, samples: Sequence[Sample], classes: ClassList) -> None:
    """Writes a JPEG with each sample's image under its mask, and below them the classes, each on its colour.

    Pixels that are ignored show the image alone. Letters beyond ASCII are written as question marks.

    Raises:
        DataError: an image or a mask cannot be read.
    """
    tiles = [_tile(sample, classes) for sample in samples]
    tiles += [np.full((*TILE, 3), WHITE, np.uint8)] * (-len(tiles) % NUM_COLUMNS)
    rows = [np.hstack(tiles[first : first + NUM_COLUMNS]) for first in range(0, len(tiles), NUM_COLUMNS)]
    names = [
        _name(f"{id_} {name}", colour)
        for id_, (name, colour) in enumerate(zip(classes.names, classes.colours, strict=True))
    ]
    names += [np.full((ROW_PX, NAME_WIDTH_PX, 3), WHITE, np.uint8)] * (-len(names) % NUM_COLUMNS)
    rows += [np.hstack(names[first : first + NUM_COLUMNS]) for first in range(0, len(names), NUM_COLUMNS)]
    with written_whole(path) as part:
        part.write_bytes(encode_jpeg(np.vstack(rows), 88))


def _tile(sample: Sample, classes: ClassList) -> np.ndarray:
    """The overlay of a sample, as large as it fits on white, (210, 280, 3) uint8."""
    assert sample.image and sample.mask
    image, mask = read_image(sample.image), read_mask(sample.mask)
    scale = min(TILE[0] / mask.shape[0], TILE[1] / mask.shape[1])
    size = max(1, int(mask.shape[0] * scale)), max(1, int(mask.shape[1] * scale))
    tile = np.full((*TILE, 3), WHITE, np.uint8)
    tile[: size[0], : size[1]] = tint(resize_image(image, size), resize_mask(mask, size), classes.colours)
    return tile


def _name(text: str, colour: tuple[int, int, int]) -> np.ndarray:
    """A name beside its colour, (20, 280, 3) uint8."""
    row = np.full((ROW_PX, NAME_WIDTH_PX, 3), WHITE, np.uint8)
    row[:, :ROW_PX] = colour
    write_line(row[:, ROW_PX + 4 :], text[:MAX_CHARS].encode("ascii", "replace").decode())
    return row
