"""Pictures of masks: truth and prediction blended over the image, and their difference."""

from bisect import insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from pipeline.dataset.contract import ClassList
from pipeline.disk.records import Place, read_rows, write_rows
from pipeline.vision.drawing import tint
from pipeline.vision.resize import resize_image, resize_mask

Kind = Literal["worst", "suspect", "random"]
PANEL_PX = 640
GAP_PX = 6
OVERLAYS = "overlays.csv"
WRONG = (235, 30, 80)
IGNORED = (40, 40, 48)


class Overlay(NamedTuple):
    """A JPEG of four panels side by side that `evaluate` wrote: its list, its rank there from 1, and its sample."""

    kind: Kind
    rank: int
    name: str
    path: Path


class Picture(NamedTuple):
    """A sample with its prediction: (H, W, 3) uint8 RGB and (H, W) uint8 ids."""

    image: np.ndarray
    target: np.ndarray
    pred: np.ndarray


class Panels(NamedTuple):
    """Four pictures of a sample, all (H, W, 3) uint8 RGB; see `overlay` and `difference`."""

    image: np.ndarray
    truth: np.ndarray
    prediction: np.ndarray
    difference: np.ndarray


def overlay(image: np.ndarray, mask: np.ndarray, classes: ClassList) -> np.ndarray:
    """Blends the classes' colours over the image, edges in full colour; pixels whose id is not a class show the image.

    Args:
        image: (H, W, 3) uint8 RGB.
        mask: (H, W) uint8 ids.
        classes: with their colours.
    """
    return tint(image, mask, classes.colours)


def difference(image: np.ndarray, target: np.ndarray, pred: np.ndarray, ignore_id: int) -> np.ndarray:
    """The image in pale grey, the pixels whose prediction is wrong in red and the ignored ones dark.

    Args:
        image: (H, W, 3) uint8 RGB.
        target: (H, W) uint8 ids.
        pred: (H, W) uint8 ids.
        ignore_id: id of the pixels that are not counted.
    """
    red, green, blue = np.moveaxis(image.astype(np.uint16), 2, 0)
    pale = np.rint(110 + np.arange(3 * 255 + 1) / 6).astype(np.uint8)  # by the sum of the channels
    shown = np.repeat(pale.take(red + green + blue)[..., np.newaxis], 3, axis=2)
    shown[target != pred] = WRONG
    shown[target == ignore_id] = IGNORED
    return shown


def shrink(picture: Picture) -> Picture:
    """The picture with at most `PANEL_PX` on its longer side."""
    height, width = picture.target.shape
    share = min(1.0, PANEL_PX / max(height, width))
    size = max(1, round(height * share)), max(1, round(width * share))
    return Picture(
        resize_image(picture.image, size), resize_mask(picture.target, size), resize_mask(picture.pred, size)
    )


def make_panels(picture: Picture, classes: ClassList) -> Panels:
    """Shows an image, its mask and its prediction, at their own size."""
    image, target, pred = picture
    return Panels(
        image=image,
        truth=overlay(image, target, classes),
        prediction=overlay(image, pred, classes),
        difference=difference(image, target, pred, classes.ignore_id),
    )


def join_panels(panels: Panels) -> np.ndarray:
    """The four panels side by side on white, (H, W', 3) uint8."""
    with_gaps = [np.pad(panel, ((0, 0), (0, GAP_PX), (0, 0)), constant_values=255) for panel in panels]
    return np.concatenate(with_gaps, axis=1)[:, :-GAP_PX]


def write_overlays(folder: Path, jpegs: Mapping[Kind, Iterable[tuple[str, bytes]]]) -> None:
    """Writes pictures as KIND_RANK.jpg, and their samples in overlays.csv: a sample's name may not be a file name.

    `jpegs` holds name of the sample and JPEG, by rank, for each kind.
    """
    rows = []
    for kind, pictures in jpegs.items():
        for rank, (name, jpeg) in enumerate(pictures, start=1):
            (folder / f"{kind}_{rank:02}.jpg").write_bytes(jpeg)
            rows.append(_Row(kind, rank, name))
    write_rows(folder / OVERLAYS, _Row, rows)


def list_overlays(folder: Path) -> list[Overlay]:
    """The pictures that `write_overlays` wrote, in its order.

    Raises:
        EvidenceError: the table is missing or damaged.
    """
    rows = read_rows(folder / OVERLAYS, _Row, "evaluate")
    return [Overlay(row.kind, row.rank, row.name, folder / f"{row.kind}_{row.rank:02}.jpg") for row in rows]


@dataclass(frozen=True)
class _Row:
    kind: Kind
    rank: Place
    name: str


def legend(classes: ClassList) -> str:
    """The classes with their ids and colours, as an SVG of its own; readable on light and on dark."""
    width, height = 80 + 9 * max(len(name) for name in classes.names), 24 * len(classes) + 16
    rows = "".join(
        f'<rect x="12" y="{24 * id_ + 12}" width="24" height="16" rx="3" fill="rgb{colour}" stroke="#777"/>'
        f'<text x="46" y="{24 * id_ + 25}">{id_} {escape(name)}</text>'
        for id_, (name, colour) in enumerate(zip(classes.names, classes.colours, strict=True))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="14" fill="#222"><rect width="100%" height="100%" fill="#fff"/>'
        f"{rows}</svg>\n"
    )


class Entry(NamedTuple):
    """An image on the list, its picture shrunk to the size of a panel."""

    value: float
    name: str
    picture: Picture


class Shortlist:
    """The images with the smallest values, equal ones by name. At most `num_kept` are in memory, shrunk."""

    def __init__(self, num_kept: int) -> None:
        self.num_kept = num_kept
        self.entries: list[Entry] = []

    def add(self, value: float, name: str, picture: Picture) -> None:
        """Keeps an image if its value is small enough."""
        if len(self.entries) < self.num_kept or (self.entries and (value, name) < self.entries[-1][:2]):
            insort(self.entries, Entry(value, name, shrink(picture)), key=lambda entry: entry[:2])
            del self.entries[self.num_kept :]
