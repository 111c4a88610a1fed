"""Cleaning of a mask: opening, closing and removal of small areas, over all classes."""

import numpy as np

from pipeline.serving.model_card import Postprocess
from pipeline.vision.regions import close_mask, drop_small_areas, fill_from_nearest, open_mask


def clean_mask(mask: np.ndarray, settings: Postprocess) -> np.ndarray:
    """Cleans a mask of class ids; a step whose setting is 0 is left out, and no new id can appear.

    Opening removes parts thinner than `open_px`. Then closing fills the gaps of a class that are narrower than
    `close_px`, from classes that have more pixels in this picture. Then regions below `min_area_px` are removed.
    Removed pixels get the class of the nearest remaining one; if none would remain, the step changes nothing.

    Args:
        mask: (H, W) uint8 ids.
        settings: cleaning of the model's card. An even width counts as the next odd one, because an ellipse without a
            centre would shift the mask.
    """
    if settings.open_px:
        mask = _open(mask, settings.open_px | 1)
    if settings.close_px:
        mask = _close(mask, settings.close_px | 1)
    if settings.min_area_px:
        mask = _drop_small_areas(mask, settings.min_area_px)
    return mask


def _open(mask: np.ndarray, size_px: int) -> np.ndarray:
    kept = np.zeros(mask.shape, bool)
    for id_ in np.unique(mask):
        kept |= open_mask(mask == id_, size_px)
    return fill_from_nearest(mask, ~kept)


def _close(mask: np.ndarray, size_px: int) -> np.ndarray:
    """A class that has more pixels never takes from one that has fewer: a pole does not vanish in the sky's closing."""
    num_pixels = np.bincount(mask.ravel())
    ids = np.flatnonzero(num_pixels)
    closed = mask.copy()
    for id_ in ids[np.argsort(-num_pixels[ids], kind="stable")]:
        closed[close_mask(mask == id_, size_px)] = id_
    return closed


def _drop_small_areas(mask: np.ndarray, min_area_px: int) -> np.ndarray:
    """Repeats until no region is small: filling can leave a fragment, and each pass has fewer pixels to fill."""
    while True:
        small = np.ones(mask.shape, bool)
        for id_ in np.unique(mask):
            small &= ~drop_small_areas(mask == id_, min_area_px)
        if not small.any() or small.all():
            return mask
        mask = fill_from_nearest(mask, small)
