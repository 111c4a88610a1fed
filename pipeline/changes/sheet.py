"""A sheet of the largest relabellings: image, former mask, new mask, and the pixels that changed."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.changes.labels import Relabelling, read_meanings
from pipeline.changes.snapshot import Snapshot
from pipeline.disk.files import written_whole
from pipeline.evaluation.overlays import Panels, Picture, difference, join_panels, overlay, shrink
from pipeline.vision.codec import encode_jpeg, read_image, read_mask
from pipeline.vision.drawing import write_line

NUM_SHOWN = 8
LINE_PX, MIN_WIDTH_PX, WHITE = 20, 640, 255


def write_sheet(path: Path, relabelled: Sequence[Relabelling], before: Snapshot, after: Snapshot) -> None:
    """Writes a JPEG with the samples that have the most changed pixels, changed pixels in red on the pale image.

    Letters beyond ASCII are written as question marks.

    Raises:
        DataError: an image or a mask cannot be read.
    """
    largest = sorted(relabelled, key=lambda one: (-one.num_pixels, one.pair.name))[:NUM_SHOWN]
    pictures = [_panels(one, before, after) for one in largest]
    width = max(MIN_WIDTH_PX, *(picture.shape[1] for picture in pictures))
    rows = [row for one, picture in zip(largest, pictures, strict=True) for row in _titled(one, picture, width)]
    with written_whole(path) as part:
        part.write_bytes(encode_jpeg(np.vstack(rows), 88))


def _titled(one: Relabelling, picture: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """A line of text, and the picture filled up with white to the width."""
    line = np.full((LINE_PX, width, 3), WHITE, np.uint8)
    text = f"{one.pair.name}: {one.num_pixels} px ({one.share:.1%}), most {one.before} -> {one.after}"
    write_line(line, text.encode("ascii", "replace").decode())
    return line, np.pad(picture, ((0, 0), (0, width - picture.shape[1]), (0, 0)), constant_values=WHITE)


def _panels(one: Relabelling, before: Snapshot, after: Snapshot) -> np.ndarray:
    """Image, former mask, new mask and changed pixels side by side, (H, W, 3) uint8."""
    old, new = before.samples[one.pair.former], after.samples[one.pair.name]
    assert old.mask and new.image and new.mask
    image, was, is_now = shrink(Picture(read_image(new.image), read_mask(old.mask), read_mask(new.mask)))
    meanings = read_meanings(before.classes, after.classes)
    changed = (meanings.before[was] != meanings.after[is_now]).astype(np.uint8)
    return join_panels(
        Panels(
            image=image,
            truth=overlay(image, was, before.classes),
            prediction=overlay(image, is_now, after.classes),
            difference=difference(image, changed, np.zeros_like(changed), ignore_id=WHITE),
        )
    )
