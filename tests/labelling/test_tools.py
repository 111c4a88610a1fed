"""Tests of predicted masks as annotation tools read them; tests of the step bring them back."""

from xml.etree import ElementTree

import numpy as np
from numpy.testing import assert_array_equal

from pipeline.dataset.contract import ClassList
from pipeline.labelling.tools import (
    CVAT_END,
    class_file,
    cvat_head,
    cvat_image,
    cvat_labels,
    label_studio_config,
    label_studio_task,
)
from pipeline.vision.runs import fill_brush

CLASSES = ClassList(("void", '<a & "b">'), ((0, 0, 255), (90, 90, 90)), 255)
MASK = np.array([[0, 1, 1], [0, 1, 0]], np.uint8)
NAME = "a b/<&'\"> 50%25.png"


def test_a_task_has_a_brush_for_each_class_in_the_mask() -> None:
    """In the control that the labelling interface declares, on an image whose path is a part of an URL."""
    task = label_studio_task(NAME, MASK, CLASSES, "segline/3", 0.5)
    (prediction,) = task["predictions"]
    assert task["data"] == {"image": "/data/local-files/?d=images/a%20b/%3C%26%27%22%3E%2050%2525.png"}
    assert prediction["model_version"] == "segline/3" and prediction["score"] == 0.5
    second = prediction["result"][1]
    assert (second["original_width"], second["original_height"]) == (3, 2)
    assert_array_equal(fill_brush(second["value"]["rle"], 2, 3), MASK == 1)
    view = ElementTree.fromstring(label_studio_config(CLASSES))
    assert [(label.get("value"), label.get("background")) for label in view.iter("Label")] == [
        ("void", "#0000ff"),
        (second["value"]["brushlabels"][0], "#5a5a5a"),
    ]
    assert view[1].get("name") == second["from_name"] and view[0].get("name") == second["to_name"]


def test_cvat_has_the_smallest_box_around_each_class() -> None:
    """Run lengths go along the rows of the box and begin outside."""
    root = ElementTree.fromstring(cvat_head(CLASSES) + cvat_image(4, NAME, MASK, CLASSES) + CVAT_END)
    (image,) = root.findall("image")
    assert image.attrib == {"id": "4", "name": NAME, "width": "3", "height": "2"}
    mask = image[1].attrib
    assert (mask["left"], mask["top"], mask["width"], mask["height"]) == ("1", "0", "2", "2")
    assert mask["rle"] == "0, 3, 1" and mask["label"] == CLASSES.names[1]
    assert [name.text for name in root.findall("meta//labels/label/name")] == [*CLASSES.names]
    assert [row["name"] for row in cvat_labels(CLASSES)] == [*CLASSES.names]


def test_no_class_is_ignored_for_its_name() -> None:
    """A model that knows a class called void has learned it."""
    assert class_file(CLASSES)["classes"][0] == {"id": 0, "name": "void", "colour": [0, 0, 255], "ignore": False}
