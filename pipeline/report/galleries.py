"""The galleries of the report: pictures of four panels with their captions."""

import base64
import math
from collections.abc import Sequence
from typing import NamedTuple

from pipeline.errors import DataError
from pipeline.evaluation.label_errors import Suspect
from pipeline.evaluation.overlays import GAP_PX, Overlay
from pipeline.report.evidence import ModelEvidence
from pipeline.vision.codec import read_image

NUM_AREAS, NUM_PANELS = 3, 4


class Figure(NamedTuple):
    """A picture with its caption.

    Attributes:
        picture: kind, rank and sample name.
        group: of the sample; "" if unknown or the sample's own name.
        scores: of the image, by label; nan if no pixel is counted.
        areas: suspected label errors.
        frames: x, y, width and height of each area in a panel, in pixels of the picture.
        jpeg: the four panels side by side, as base64.
        size: (height, width) of the four panels in pixels.
        panel_width: in pixels.
        step: pixels from the left side of a panel to that of the next.
    """

    picture: Overlay
    group: str
    scores: dict[str, float]
    areas: Sequence[Suspect]
    frames: list[list[float]]
    jpeg: str
    size: tuple[int, int]
    panel_width: float
    step: float


def gallery(evidence: ModelEvidence, kind: str) -> list[Figure]:
    """The pictures of a kind in order of rank, without those that cannot be read."""
    figures = (_figure(evidence, picture) for picture in evidence.pictures if picture.kind == kind)
    return [figure for figure in figures if figure]


def _figure(evidence: ModelEvidence, picture: Overlay) -> Figure | None:
    try:
        height, width, _ = read_image(picture.path).shape
    except DataError:
        return None
    row = evidence.images.get(picture.name, {})
    areas = evidence.suspects.get(picture.name, ())[:NUM_AREAS] if picture.kind == "suspect" else ()
    panel_width = (width - (NUM_PANELS - 1) * GAP_PX) / NUM_PANELS
    scale = panel_width / float(row["width"]) if row.get("width") else None
    frames = [[scale * side for side in (a.left, a.top, a.width, a.height)] for a in areas] if scale else []
    group = row.get("group", "")
    labels = {"mean_iou": "mean IoU", "pixel_accuracy": "accuracy"}
    return Figure(
        picture=picture,
        group="" if group == picture.name else group,
        scores={label: float(row[column] or math.nan) for column, label in labels.items() if column in row},
        areas=areas,
        frames=frames,
        jpeg=base64.b64encode(picture.path.read_bytes()).decode(),
        size=(height, width),
        panel_width=panel_width,
        step=panel_width + GAP_PX,
    )
