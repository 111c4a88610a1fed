"""Suspected label errors: areas where the model is sure of another class than the label."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.disk.records import Count, read_rows, write_rows
from pipeline.vision.regions import Area, list_areas, open_mask


@dataclass(frozen=True)
class Suspect:
    """A connected area whose label may be wrong; if the label is right, the model is confidently wrong there.

    `label` and `predicted` are its most frequent pair of classes. Its box is in pixels of the image `name`.
    """

    name: str
    label: str
    predicted: str
    num_pixels: Count
    left: Count
    top: Count
    width: Count
    height: Count


def find_suspects(
    name: str,
    names: Sequence[str],
    target: np.ndarray,
    pred: np.ndarray,
    confidence: np.ndarray,
    *,
    min_confidence: float,
    min_area_px: int,
    edge_px: int,
) -> list[Suspect]:
    """The areas of an image where a confident prediction and the label disagree.

    Args:
        name: of the image.
        names: of the classes.
        target: (H, W) uint8 ids; ignored pixels have the same id in `pred`, see `Seen.counted`.
        pred: (H, W) uint8 ids.
        confidence: (H, W) probability of the predicted class.
        min_confidence: pixels with a lower one are not suspected.
        min_area_px: smaller areas are left out.
        edge_px: tolerance of the labels' edges; disagreement at most twice as wide is left out.
    """
    disagreeing = (target != pred) & (confidence >= min_confidence)
    if np.count_nonzero(disagreeing) < min_area_px:
        return []
    thick = open_mask(disagreeing, 2 * edge_px + 1) if edge_px else disagreeing
    return [_describe(name, names, target, pred, area) for area in list_areas(thick, min_area_px)]


def write_suspects(path: Path, suspects: Sequence[Suspect]) -> None:
    """Writes a row for each area, the largest first."""
    write_rows(path, Suspect, sorted(suspects, key=lambda area: (-area.num_pixels, area.name, area.top, area.left)))


def read_suspects(path: Path) -> list[Suspect]:
    """The areas in the order of the file.

    Raises:
        EvidenceError: the file is missing or damaged.
    """
    return read_rows(path, Suspect, "evaluate")


def _describe(name: str, names: Sequence[str], target: np.ndarray, pred: np.ndarray, area: Area) -> Suspect:
    rows, columns = area.box
    pairs = target[area.box][area.inside].astype(np.intp) * len(names) + pred[area.box][area.inside]
    label, predicted = divmod(int(np.bincount(pairs).argmax()), len(names))
    return Suspect(
        name=name,
        label=names[label],
        predicted=names[predicted],
        num_pixels=int(area.inside.sum()),
        left=columns.start,
        top=rows.start,
        width=columns.stop - columns.start,
        height=rows.stop - rows.start,
    )
