"""Predicted masks as annotation tools read them: tasks of Label Studio, images of CVAT, and the labels of both.

Every class is an area, the first one too, as exact run lengths. Names are somebody else's: JSON, XML and URLs are
written by their own writers, never by hand.
"""

from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import numpy as np

from pipeline.dataset.contract import ClassList
from pipeline.vision.runs import to_brush, to_runs

LABELS, IMAGE = "labels", "image"
"""Names of the controls in Label Studio's labelling interface."""


def label_studio_task(
    relative: str, mask: np.ndarray, classes: ClassList, model_version: str, score: float
) -> dict[str, Any]:
    """A task with a prediction (https://labelstud.io/guide/predictions).

    Args:
        relative: path of the image below `images/`, which is served as a local file: the document root is its parent.
        mask: (H, W) uint8 class ids.
        classes: of the mask.
        model_version: that Label Studio shows.
        score: of the prediction, by which Label Studio can sort tasks.
    """
    height, width = mask.shape
    results = [
        {
            "id": f"class-{id_}",
            "type": "brushlabels",
            "from_name": LABELS,
            "to_name": IMAGE,
            "original_width": width,
            "original_height": height,
            "image_rotation": 0,
            "value": {"format": "rle", "rle": to_brush(mask == id_), "brushlabels": [classes.names[id_]]},
        }
        for id_ in np.unique(mask).tolist()
    ]
    prediction = {"model_version": model_version, "score": score, "result": results}
    return {"data": {IMAGE: f"/data/local-files/?d={quote(f'images/{relative}')}"}, "predictions": [prediction]}


def label_studio_config(classes: ClassList) -> str:
    """The labelling interface: a brush for each class in its colour."""
    view = ElementTree.Element("View")
    ElementTree.SubElement(view, "Image", {"name": IMAGE, "value": f"${IMAGE}", "zoom": "true", "zoomControl": "true"})
    labels = ElementTree.SubElement(view, "BrushLabels", {"name": LABELS, "toName": IMAGE})
    for name, colour in zip(classes.names, classes.colours, strict=True):
        ElementTree.SubElement(labels, "Label", {"value": name, "background": _hex(colour)})
    return _text(view)


def cvat_image(number: int, relative: str, mask: np.ndarray, classes: ClassList) -> str:
    """The element of an image in "CVAT for images 1.1" (https://docs.cvat.ai/docs/other/xml_format).

    Args:
        number: of the image in the task, from 0; CVAT sorts images by name.
        relative: path of the image in the task.
        mask: (H, W) uint8 class ids.
        classes: of the mask.
    """
    height, width = mask.shape
    size = {"width": str(width), "height": str(height)}
    image = ElementTree.Element("image", {"id": str(number), "name": relative, **size})
    for id_ in np.unique(mask).tolist():
        inside = mask == id_
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        part = inside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        place = {"left": columns[0], "top": rows[0], "width": part.shape[1], "height": part.shape[0]}
        values = {"label": classes.names[id_], "source": "auto", "occluded": "0", "z_order": "0"}
        values |= {"rle": ", ".join(map(str, to_runs(part.ravel())))} | {key: str(at) for key, at in place.items()}
        ElementTree.SubElement(image, "mask", values)
    return _text(image)


def cvat_head(classes: ClassList) -> str:
    """The beginning of the file: version and labels, in the order of their ids; the images follow, then `CVAT_END`."""
    meta = ElementTree.Element("meta")
    labels = ElementTree.SubElement(ElementTree.SubElement(meta, "task"), "labels")
    for name, colour in zip(classes.names, classes.colours, strict=True):
        label = ElementTree.SubElement(labels, "label")
        for tag, text in (("name", name), ("color", _hex(colour)), ("type", "any")):
            ElementTree.SubElement(label, tag).text = text
    return f'<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n{_text(meta)}'


CVAT_END = "</annotations>\n"


def cvat_labels(classes: ClassList) -> list[dict[str, Any]]:
    """The labels of a task, for CVAT's raw editor of labels."""
    return [
        {"name": name, "color": _hex(colour), "type": "any", "attributes": []}
        for name, colour in zip(classes.names, classes.colours, strict=True)
    ]


def class_file(classes: ClassList) -> dict[str, Any]:
    """The classes for the option --classes of the import; none is ignored because of its name."""
    content = classes.to_dict()
    return {"classes": [row | {"ignore": False} for row in content["classes"]]}


def _hex(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _text(element: ElementTree.Element) -> str:
    ElementTree.indent(element)
    return ElementTree.tostring(element, encoding="unicode") + "\n"
