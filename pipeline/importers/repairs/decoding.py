"""Class ids of the masks of others, with the repairs that the user asks for."""

import numpy as np

from pipeline.importers.label_map import Kind, Labels, colour_of, to_ids
from pipeline.importers.repairs.mask_picture import MaskPicture
from pipeline.importers.repairs.repairs import Repairs

SWAPPED = np.arange(256, dtype=np.uint8)
SWAPPED[:2] = 1, 0


def to_class_ids(mask: MaskPicture, kind: Kind, labels: Labels, repairs: Repairs) -> tuple[np.ndarray, int]:
    """Converts a mask to (H, W) uint8 class ids, 255 = ignore.

    Returns:
        The ids, and the number of pixels whose colour was not a declared one.

    Raises:
        DataError: see `to_ids`; with `nearest_colour` a colour is undeclared if all declared ones are further away.
    """
    stored, num_moved = mask.stored_as(kind), 0
    if repairs.threshold is not None:
        is_second = (mask.brightness >= repairs.threshold) == is_dark_first(labels)
        stored = np.where(is_second, 255, 0).astype(np.uint8)
    if repairs.nearest_colour is not None and mask.colours is not None:
        stored, num_moved = _to_nearest(mask.colours, labels, repairs.nearest_colour)
    ids = to_ids(stored, mask.path, kind, labels)
    return (SWAPPED[ids] if repairs.invert else ids), num_moved


def is_dark_first(labels: Labels) -> bool:
    """True if of two classes the first has the lower grey value."""
    values = {id_: value for value, id_ in labels.by_value.items()}
    return values[0] < values[1]


def distances(colours: np.ndarray, labels: Labels) -> np.ndarray:
    """(N, K) Euclidean distances in RGB of (N, 3) colours to the declared ones, in the order of `by_colour`."""
    declared = np.array([colour_of(code) for code in labels.by_colour], np.float64)
    return np.asarray(np.linalg.norm(colours[:, None].astype(np.float64) - declared, axis=2))


def unique_colours(colours: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different colours (N, 3) of (H, W, 3) uint8, and (H, W) the place of each pixel's colour among them."""
    parts = colours.astype(np.int32)
    codes = parts[:, :, 0] << 16 | parts[:, :, 1] << 8 | parts[:, :, 2]
    unique, places = np.unique(codes, return_inverse=True)
    return np.stack([unique >> 16, unique >> 8 & 255, unique & 255], axis=1), places.reshape(codes.shape)


def _to_nearest(colours: np.ndarray, labels: Labels, tolerance: float) -> tuple[np.ndarray, int]:
    """Colours as the nearest declared ones within the tolerance, of equally near ones the first declared."""
    unique, places = unique_colours(colours)
    declared = np.array([colour_of(code) for code in labels.by_colour])
    far = distances(unique, labels)
    nearest = declared[far.argmin(axis=1)]
    is_near = far.min(axis=1) <= tolerance
    is_moved = is_near & (far.min(axis=1) > 0)
    target = np.where(is_near[:, None], nearest, unique).astype(np.uint8)
    return target[places], int(is_moved[places].sum())
