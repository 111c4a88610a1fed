"""Tests of the importer of CVAT's export, against pycocotools and OpenCV as CVAT itself draws."""

from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pycocotools import mask as coco_mask

from pipeline.dataset.contract import list_samples, read_class_list
from pipeline.errors import DataError
from pipeline.vision.codec import write_png
from tests.formats.small import bring_in, masks_brought_in, shares, write_small

WORDS = ["cvat", "a.xml", "images"]
META = "<meta><task><labels><label><name>dog</name></label><label><name>cat</name></label></labels></task></meta>"
BOX = '<box label="dog" xtl="1" ytl="1" xbr="5" ybr="4"/>'


def _write(
    areas: str, meta: str = META, image: str = 'name="sub/x.png" width="12" height="8"', begin: str = ""
) -> None:
    write_png(Path("images/x.png"), np.full((8, 12, 3), 90, np.uint8))
    Path("a.xml").write_text(
        f"<?xml version='1.0'?>{begin}<annotations>{meta}<image {image}>{areas}</image></annotations>"
    )


def _by_pycocotools(path: str) -> dict[str, np.ndarray]:
    masks = {}
    for image in ElementTree.parse(path).getroot().iter("image"):
        height, width = int(image.attrib["height"]), int(image.attrib["width"])
        mask = np.zeros((height, width), np.uint8)
        for element in sorted(image, key=lambda element: int(element.attrib["z_order"])):
            points = [float(number) for number in element.attrib["points"].replace(";", ",").split(",")]
            (runs,) = coco_mask.frPyObjects([points], height, width)
            value = {"ground": 0, "box": 1, "sign": 2, "void": 255}[element.attrib["label"]]
            mask[coco_mask.decode(runs) == 1] = value
        masks[image.attrib["name"]] = mask
    return masks


def test_classes_are_those_that_pycocotools_draws_by_z_order() -> None:
    """The file's order is the reverse one; labels are classes in the order of the file."""
    words, masks = write_small("cvat")
    bring_in(words)
    expected = _by_pycocotools("annotations.xml")
    assert_allclose(shares(masks_brought_in()), shares(expected), rtol=0, atol=1e-6)
    assert_allclose(shares(masks_brought_in()), shares(masks), rtol=0, atol=0.002)
    assert read_class_list().names == ("ground", "box", "sign")


def test_every_kind_of_area_is_drawn_by_z_order() -> None:
    """Boxes may be turned, masks are runs of rows in a box; what has no area is left out and counted."""
    _write(
        '<mask label="cat" rle="1,2,1" left="10" top="6" width="2" height="2" z_order="2"/>'
        '<box label="dog" xtl="4" ytl="2" xbr="6" ybr="6" rotation="90" z_order="1"/>'
        '<ellipse label="cat" cx="5" cy="4" rx="3.2" ry="2" z_order="0"/>'
        '<polyline label="cat" points="1,1;2,2"/><tag label="dog"/>'
    )
    imported = bring_in(WORDS)
    expected = np.zeros((8, 12), np.uint8)
    cv2.ellipse(expected, (5, 4), (3, 2), 0, 0, 360, 2, thickness=-1)
    expected[3:5, 3:7] = 1
    expected[6, 11] = expected[7, 10] = 2
    assert_array_equal(masks_brought_in()["x"], expected)
    assert "elements polyline were left out: 1" in imported.notes and read_class_list().names[1:] == ("dog", "cat")


def test_tasks_are_groups_and_subsets_splits() -> None:
    """Of a project with several tasks; a regular expression goes before."""
    for name in "ab":
        write_png(Path(f"images/{name}.png"), np.full((8, 12, 3), 90, np.uint8))
    images = "".join(
        f'<image name="{name}.png" width="12" height="8" task_id="{task}" subset="{subset}">{BOX}</image>'
        for name, task, subset in (("a", 3, "Train"), ("b", 4, "Validation"))
    )
    Path("a.xml").write_text(f"<annotations>{META}{images}</annotations>")
    imported = bring_in(WORDS)
    assert [(sample.group, sample.split) for sample in list_samples()] == [("task 3", "train"), ("task 4", "val")]
    assert "the 2 tasks of the export are the groups; --group '(.+)' makes each image its own" in imported.notes
    Path("data").rename("before")
    bring_in([*WORDS, "--group", "(.+)[.]png"])
    assert [sample.group for sample in list_samples()] == ["a", "b"]


@pytest.mark.parametrize(
    ("areas", "says"),
    [
        ('<polygon label="dog" points="1,1;nan,2;3,3"/>', "a corner of an area is not a finite number"),
        ('<polygon label="dog" points="1,1;2"/>', "an area's corners are not pairs of numbers"),
        ('<polygon label="dog" points="1,1;2,2;1e9,3"/>', r"the corner \(1e\+09, 3\) lies outside of the image"),
        ('<box label="dog" xtl="1" ytl="one" xbr="5" ybr="4"/>', "ytl of a box is 'one', expected a number"),
        ('<ellipse label="dog" cx="5" cy="4" rx="-3" ry="2"/>', r"an ellipse has the radii \(-3.0, 2.0\)"),
        ('<mask label="dog" rle="9" left="0" top="0" width="90000" height="90000"/>', r"reaches from .* to \(90000, 9"),
        ('<mask label="dog" rle="9" left="0" top="0" width="2" height="2"/>', "add up to 9 pixels, expected 4"),
        ('<mask label="dog" rle="a" left="0" top="0" width="2" height="2"/>', "run lengths .* of a mask are damaged"),
        (
            '<box label="cow" xtl="1" ytl="1" xbr="5" ybr="4"/>',
            r"1 labels are not declared in a.xml: 'cow' \(1 areas\)",
        ),
        ('<box xtl="1" ytl="1" xbr="5" ybr="4"/>', "image 'sub/x.png' lacks 'label'"),
        ("", "1 of 1 images have no area: x.png"),
    ],
)
def test_areas_that_cannot_be_are_refused(areas: str, says: str) -> None:
    """The message says what was found and expected; nothing is written."""
    _write(areas)
    with pytest.raises(DataError, match=rf"(?s)a\.xml.*{says}"):
        bring_in(WORDS)
    assert not Path("data").exists()


def test_entities_and_other_exports_are_refused() -> None:
    """An entity may be a bomb, or a file of this machine."""
    _write("&a;", begin='<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>')
    with pytest.raises(DataError, match=r"a.xml: is not XML without entities \(EntitiesForbidden"):
        bring_in(WORDS)
    Path("a.xml").write_text("<annotations><track id='0'/></annotations>")
    with pytest.raises(DataError, match="found tracks, as of a video and no images; export .* 'CVAT for images 1.1'"):
        bring_in(WORDS)
    Path("a.xml").write_text("<annotations>")
    with pytest.raises(DataError, match="is not XML"):
        bring_in(WORDS)
