"""Evidence from masks that fit no kind, and the option or the edit that would repair them."""

import math
from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np

from pipeline.importers.label_map import IGNORE_ID, Kind, Labels, colour_of
from pipeline.importers.repairs.command import Command, next_step
from pipeline.importers.repairs.decoding import distances, is_dark_first, unique_colours
from pipeline.importers.repairs.mask_picture import MaskPicture
from pipeline.importers.repairs.repairs import Repairs

MIN_RANGE = 16
"""Grey levels between the darkest and the brightest pixel of masks that a threshold may divide."""
HALF_RANGE = 128
"""Grey levels between the darkest and the brightest pixel of grey masks whose colours may be black and white."""
MAX_SPREAD = 24
"""Largest difference between the channels of a grey picture that was stored as a JPEG in colour."""
FAR = 64.0
"""Distance in RGB from which on a colour is not a declared one that a JPEG has changed."""
FLAT = 8
"""Largest step between neighbours in an area of one class, also after a JPEG."""
SIDE = 5
"""Side in pixels of a flat square that shows a class of its own: edges are thinner."""
NUM_SHOWN = 6


@dataclass(frozen=True)
class Evidence:
    """Facts of masks that were refused, of one or of all of them.

    Attributes:
        lowest, highest: grey values.
        is_grey: no mask is coloured.
        has_third: a flat area has a grey value far from the lowest and the highest.
        farthest: largest distance between a pixel's colour and the nearest declared one.
        has_other: a flat area is far from all declared colours.
        has_values: every mask has a value in each pixel, grey or an index of a palette.
        values, colours: pixels by value, and by colour as [R, G, B].
    """

    lowest: float = math.inf
    highest: float = -math.inf
    is_grey: bool = True
    has_third: bool = False
    farthest: float = 0.0
    has_other: bool = False
    has_values: bool = True
    values: Counter[float] = field(default_factory=Counter)
    colours: Counter[tuple[int, int, int]] = field(default_factory=Counter)

    def __add__(self, other: "Evidence") -> "Evidence":
        return Evidence(
            min(self.lowest, other.lowest),
            max(self.highest, other.highest),
            self.is_grey and other.is_grey,
            self.has_third or other.has_third,
            max(self.farthest, other.farthest),
            self.has_other or other.has_other,
            self.has_values and other.has_values,
            _most_common(self.values + other.values),
            _most_common(self.colours + other.colours),
        )


def look_at(mask: MaskPicture, labels: Labels) -> Evidence:
    """The evidence of one mask."""
    grey = mask.brightness
    lowest, highest = float(np.nanmin(grey)), float(np.nanmax(grey))
    quarter = (highest - lowest) / 4
    is_middle = (grey > lowest + quarter) & (grey < highest - quarter)
    has_third = highest - lowest >= MIN_RANGE and _has_square(is_middle & _is_flat(grey))
    unique, counts = np.unique(grey if mask.index is None else mask.index, return_counts=True)
    values = _most_common(Counter(dict(zip(unique.tolist(), counts.tolist(), strict=True))))
    found = Evidence(lowest, highest, True, has_third, has_values=mask.index is not None, values=values)
    if mask.colours is None:
        return found
    unique, places = unique_colours(mask.colours)
    spread = unique.max(axis=1) - unique.min(axis=1)
    counts = np.bincount(places.ravel(), minlength=len(unique))
    colours = Counter({(r, g, b): count for (r, g, b), count in zip(unique.tolist(), counts.tolist(), strict=True)})
    found = replace(found, is_grey=bool(spread.max() <= MAX_SPREAD), colours=_most_common(colours))
    if not labels.by_colour:
        return found
    far = distances(unique, labels).min(axis=1)
    is_flat = np.logical_and.reduce([_is_flat(mask.colours[:, :, channel]) for channel in range(3)])
    return replace(found, farthest=float(far.max()), has_other=_has_square((far > FAR)[places] & is_flat))


def advise(
    kind: Kind, evidence: Evidence, labels: Labels, repairs: Repairs, command: Command | None
) -> tuple[str, list[str]]:
    """What to do about masks that do not fit a kind: a sentence, and the commands that go on."""
    middle = math.ceil((evidence.lowest + evidence.highest) / 2)
    between = evidence.highest - evidence.lowest
    if evidence.is_grey and between >= MIN_RANGE and not evidence.has_third and _may_divide(labels, repairs):
        dark, bright = labels.classes.names if is_dark_first(labels) else labels.classes.names[::-1]
        return (
            f"if grey values from {middle} on are {bright!r} and lower ones {dark!r}, give a threshold",
            next_step(command, threshold=float(middle), kind="auto"),
        )
    is_colour = kind != "index" and (not evidence.is_grey or between >= HALF_RANGE)
    may_move = labels.by_colour and repairs.threshold is None and not evidence.has_other and is_colour
    tolerance = math.ceil(evidence.farthest)
    if may_move and tolerance > (repairs.nearest_colour or 0):
        return (
            f"edges or JPEG have changed colours: pixels are up to {tolerance} away from the nearest declared one "
            "(Euclidean, RGB); have each take the nearest one",
            next_step(command, nearest_colour=float(tolerance), kind="auto"),
        )
    return _advise_declaring(kind, evidence, labels, command)


def _may_divide(labels: Labels, repairs: Repairs) -> bool:
    has_ignored = any(id_ == IGNORE_ID != value for value, id_ in labels.by_value.items())
    is_open = repairs.threshold is None and repairs.nearest_colour is None
    return is_open and len(labels.classes) == 2 and not has_ignored and not labels.by_colour


def _advise_declaring(kind: Kind, evidence: Evidence, labels: Labels, command: Command | None) -> tuple[str, list[str]]:
    is_colour = kind == "colour" or not evidence.has_values
    if is_colour:
        seen = [str(list(colour)) for colour, _ in evidence.colours.most_common(NUM_SHOWN)]
        declared = [str(list(colour_of(code))) for code in labels.by_colour]
        what, columns = "colour", "name,r,g,b"
    else:
        seen = [f"{value:g}" for value, _ in evidence.values.most_common(NUM_SHOWN)]
        declared = [*map(str, sorted(labels.by_value))]
        what, columns = "value", "name,value"
    source, changed = labels.source, {}
    if source.suffix.lower() == ".txt":
        source = source.with_suffix(".csv")
        changed = {"classes": source}
    text = (
        f"the most frequent {what}s of these masks are {', '.join(seen)}, and {labels.source} declares "
        f"{', '.join(declared[:NUM_SHOWN]) or 'none'}{', ...' if len(declared) > NUM_SHOWN else ''}; "
        f"declare the missing {what}s in {source}"
        f"{f', with the first line {columns} and a line for each class' if changed else ''}, or correct the masks"
    )
    return text, next_step(command, **changed)


def _most_common(counts: Counter) -> Counter:  # type: ignore[type-arg]
    """The most frequent ones: a JPEG has hundreds."""
    return Counter(dict(counts.most_common(256)))


def _is_flat(grey: np.ndarray) -> np.ndarray:
    """(H, W) bool: a pixel is like its right and its lower neighbour."""
    grey = grey.astype(np.float32)
    across = np.abs(np.diff(grey, axis=1, append=grey[:, -1:])) <= FLAT
    return across & (np.abs(np.diff(grey, axis=0, append=grey[-1:])) <= FLAT)


def _has_square(mask: np.ndarray) -> bool:
    """True if a square of `SIDE` pixels is True in (H, W) bool."""
    if min(mask.shape) < SIDE:
        return False
    for _ in range(2):
        mask = np.logical_and.reduce([mask[start : len(mask) - SIDE + 1 + start] for start in range(SIDE)]).T
    return bool(mask.any())
