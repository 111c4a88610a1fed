"""Small data sets to write, and their import by the words of the command."""

from collections.abc import Sequence

import numpy as np

from pipeline.dataset.contract import DATA, list_samples
from pipeline.steps.import_ import Imported, import_data
from pipeline.vision.codec import read_mask
from segline.command import parse
from tests.drawn_data import CLASSES, draw
from tests.formats.table import WRITERS

Pictures = dict[str, np.ndarray]


def small_set(num_images: int = 6) -> tuple[Pictures, Pictures]:
    """Images (40, 56, 3) and masks of ground, box and sign with an ignored margin, in groups of two: a_0, a_1, b_2."""
    random = np.random.default_rng(0)
    pairs = {f"{'abcdefghij'[number // 2]}_{number}": draw(random) for number in range(num_images)}
    return {name: image for name, (image, _) in pairs.items()}, {name: mask for name, (_, mask) in pairs.items()}


def write_small(name: str, num_images: int = 6) -> tuple[list[str], Pictures]:
    """Writes a small set in a format into the current folder; the words of its import, and its masks."""
    images, masks = small_set(num_images)
    return WRITERS[name](DATA.parent, images, masks, CLASSES.names), masks


def bring_in(words: Sequence[str]) -> Imported:
    """What `segline import` does with these words, in the current folder."""
    _, bound = parse(["import", *words])
    return import_data(words[0], *bound.args, **bound.kwargs)


def masks_brought_in() -> Pictures:
    """The masks in `data/` by name."""
    return {sample.name: read_mask(sample.mask) for sample in list_samples() if sample.mask}


def shares(masks: Pictures) -> np.ndarray:
    """Share of the pixels of each id (256,)."""
    pixels = np.concatenate([mask.ravel() for mask in masks.values()])
    return np.bincount(pixels, minlength=256) / pixels.size
