"""The galleries of the report: image, truth, prediction and wrong pixels, each picture held once."""

import base64
import math
from collections.abc import Mapping, Sequence
from html import escape

from pipeline.errors import DataError
from pipeline.evaluation.label_errors import Suspect
from pipeline.evaluation.overlays import GAP_PX, Overlay
from pipeline.report.evidence import Dossier
from pipeline.report.page import chip, number
from pipeline.vision.codec import read_image

NUM_AREAS = 3
PANEL_NAMES = ("image", "truth", "prediction", "wrong pixels")


def legend(dossier: Dossier) -> str:
    """The classes with their colours."""
    if dossier.classes is None:
        return ""
    pairs = zip(dossier.classes.names, dossier.classes.colours, strict=True)
    return (
        f'<div class="legend">{"".join(f"<span>{chip(colour)}{escape(name)}</span>" for name, colour in pairs)}</div>'
    )


def gallery(dossier: Dossier, kind: str) -> str:
    """The pictures of a kind, in order of rank; one that cannot be read is left out."""
    return "".join(_figure(dossier, picture) for picture in dossier.pictures if picture.kind == kind)


def _figure(dossier: Dossier, picture: Overlay) -> str:
    row = dossier.images.get(picture.name, {})
    areas = dossier.suspects.get(picture.name, ())[:NUM_AREAS] if picture.kind == "suspect" else ()
    panels = _panels(picture, row, areas)
    if not panels:
        return ""
    told = [f"{picture.rank}. <b>{escape(picture.name)}</b>"]
    if row.get("group") not in (None, "", picture.name):
        told.append(escape(row["group"]))
    if areas:
        told += [f"labelled {escape(area.label)}, the model says {escape(area.predicted)}" for area in areas]
    else:
        columns = (("mean IoU", "mean_iou"), ("accuracy", "pixel_accuracy"))
        told += [f"{name} {number(float(row[column] or math.nan))}" for name, column in columns if column in row]
    return f'<figure><figcaption>{" &middot; ".join(told)}</figcaption><div class="panels">{panels}</div></figure>'


def _panels(picture: Overlay, row: Mapping[str, str], areas: Sequence[Suspect]) -> str:
    """Four windows on one JPEG, which the page holds once; suspected areas are framed."""
    try:
        height, width, _ = read_image(picture.path).shape
    except DataError:
        return ""
    panel = (width - (len(PANEL_NAMES) - 1) * GAP_PX) / len(PANEL_NAMES)
    scale = panel / float(row["width"]) if row.get("width") else math.nan
    id_ = f"{picture.kind}-{picture.rank}"
    jpeg = base64.b64encode(picture.path.read_bytes()).decode()
    whole = f'<image id="{id_}" width="{width}" height="{height}" href="data:image/jpeg;base64,{jpeg}"/>'
    parts = ""
    for index, name in enumerate(PANEL_NAMES):
        left = index * (panel + GAP_PX)
        content = f'<use href="#{id_}"/>' if index else whole
        frames = "" if math.isnan(scale) else "".join(_frame(area, left, scale) for area in areas)
        parts += (
            f'<div><svg viewBox="{left:g} 0 {panel:g} {height}" role="img">'
            f"<title>{name} of {escape(picture.name)}</title>{content}{frames}</svg><span>{name}</span></div>"
        )
    return parts


def _frame(area: Suspect, left: float, scale: float) -> str:
    """A frame around an area, white on black so that it shows on any picture."""
    x, y, width, height = (side * scale for side in (area.left, area.top, area.width, area.height))
    box = f'x="{x + left:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="none"'
    return "".join(
        f'<rect {box} stroke="{colour}" stroke-width="{px}" vector-effect="non-scaling-stroke"/>'
        for colour, px in (("#000", 4), ("#fff", 2))
    )
