"""Converts masks to class ids: by grey value, by black and white, or by colour."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from pipeline.dataset.contract import ClassList, Colour
from pipeline.errors import DataError
from pipeline.vision.codec import read_image

IGNORE_ID = 255
Kind = Literal["binary", "index", "colour"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Labels:
    """Class ids of the codes in the masks; a code is a grey value or a colour as `code_of` gives it.

    Attributes:
        source: class file, for messages.
        by_value: id of each declared grey value; 255 = ignored.
        by_colour: id of each declared colour's code; 255 = ignored.
        without_colour: names of the classes whose colour was not declared.
        has_own_values: the grey values are not the ids.
        ignored: names of the declared classes that are ignored.
        notes: decisions about the file, for the user.
    """

    source: Path
    classes: ClassList
    by_value: Mapping[int, int]
    by_colour: Mapping[int, int]
    without_colour: tuple[str, ...] = ()
    has_own_values: bool = False
    ignored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def ids(self, kind: Kind) -> Mapping[int, int]:
        """Class id of each code of a mask of that kind."""
        if kind == "binary":
            return {0: 0, 255: 1}
        return self.by_colour if kind == "colour" else self.by_value


def code_of(colour: Colour) -> int:
    """One number for an RGB colour."""
    return colour[0] << 16 | colour[1] << 8 | colour[2]


def colour_of(code: int) -> Colour:
    """The RGB colour of a number that `code_of` gave."""
    return code >> 16, code >> 8 & 255, code & 255


def decode(codes: np.ndarray, ids: Mapping[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Turns codes into class ids.

    Args:
        codes: (H, W) whole numbers.
        ids: class id of each declared code; at least one.

    Returns:
        The mask (H, W) uint8, and (H, W) bool: True if the code is declared. Elsewhere the mask is undefined.
    """
    known = np.array(sorted(ids), dtype=np.int64)
    id_of_known = np.array([ids[code] for code in known.tolist()], dtype=np.uint8)
    places = np.minimum(np.searchsorted(known, codes), len(known) - 1)
    return id_of_known[places], known[places] == codes


def to_ids(stored: np.ndarray, path: Path, kind: Kind, labels: Labels) -> np.ndarray:
    """Converts a mask that `read_stored` gave to (H, W) uint8 class ids, 255 = ignore; `path` is for messages.

    Raises:
        DataError: it has an undeclared value or colour, is coloured though `kind` has values, or has 16-bit colours.
    """
    codes = _to_colour_codes(stored, path) if kind == "colour" else _to_values(stored, path)
    mask, is_declared = decode(codes, labels.ids(kind))
    if not is_declared.all():
        raise DataError(f"{path}: {_describe(codes[~is_declared], kind)}")
    return mask


def _to_values(stored: np.ndarray, path: Path) -> np.ndarray:
    if stored.ndim == 2:
        return stored
    if (stored[:, :, 0] == stored[:, :, 1]).all() and (stored[:, :, 0] == stored[:, :, 2]).all():
        return stored[:, :, 0]
    raise DataError(f"{path}: is coloured, where one grey value per class was expected")


def _to_colour_codes(stored: np.ndarray, path: Path) -> np.ndarray:
    if stored.dtype != np.uint8:
        raise DataError(f"{path}: has 16 bits per channel, where colours of 8 bits were expected")
    colours = (stored if stored.ndim == 3 else read_image(path)).astype(np.int32)
    return np.asarray(colours[:, :, 0] << 16 | colours[:, :, 1] << 8 | colours[:, :, 2])


def _describe(undeclared: np.ndarray, kind: Kind) -> str:
    """Names the most frequent of the undeclared codes and counts the rest."""
    codes, counts = np.unique(undeclared, return_counts=True)
    code, count = codes[counts.argmax()], int(counts.max())
    name = f"colour {list(colour_of(int(code)))}" if kind == "colour" else f"value {code:g}"
    text = f"{name} on {count} pixel{'s' if count > 1 else ''} is not declared"
    if len(codes) == 1:
        return text
    return f"{text}, nor are {len(codes) - 1} more on {undeclared.size - count} pixels"
