"""Tests of the importer of COCO's annotations, against pycocotools' own reader."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pycocotools.coco import COCO

from pipeline.dataset.contract import list_samples, read_class_list
from pipeline.errors import DataError
from pipeline.vision.codec import write_png
from tests.formats.small import bring_in, masks_brought_in, shares, write_small

WORDS = ["coco", "a.json", "images"]
SQUARE = [1, 1, 5, 1, 5, 5, 1, 5]


def _area(category_id: int = 7, segmentation: Any = None, **more: Any) -> dict[str, Any]:
    return {"image_id": 1, "category_id": category_id, "segmentation": segmentation or [SQUARE], **more}


def _write(*annotations: dict[str, Any], **more: Any) -> None:
    """An image of 8 x 12 and categories whose ids are not in the order of their names."""
    write_png(Path("images/deep/x.png"), np.full((8, 12, 3), 90, np.uint8))
    content = {
        "images": [{"id": 1, "file_name": "http://host/deep/x.png", "height": 8, "width": 12}],
        "annotations": [{"id": number, "iscrowd": 0} | row for number, row in enumerate(annotations, start=1)],
        "categories": [{"id": 9, "name": "cat"}, {"id": 7, "name": "dog"}],
    }
    Path("a.json").write_text(json.dumps(content | more))


def _by_pycocotools(path: Path) -> dict[str, np.ndarray]:
    coco, masks = COCO(str(path)), {}
    for image in coco.loadImgs(coco.getImgIds()):
        mask = np.zeros((image["height"], image["width"]), np.uint8)
        rows = coco.loadAnns(coco.getAnnIds(image["id"]))
        for row in sorted(rows, key=lambda row: (not row["iscrowd"], -int(coco.annToMask(row).sum()))):
            mask[coco.annToMask(row) == 1] = 255 if row["iscrowd"] else row["category_id"]
        masks[image["file_name"].removesuffix(".png")] = mask
    return masks


def test_classes_are_those_that_pycocotools_decodes() -> None:
    """Polygons, run lengths and crowds: every pixel is that of the reference, and of the masks that were written."""
    words, masks = write_small("coco")
    imported = bring_in(words)
    read, expected = masks_brought_in(), _by_pycocotools(Path("annotations.json"))
    assert_allclose(shares(read), shares(expected), rtol=0, atol=1e-6)
    assert_allclose(shares(read), shares(masks), rtol=0, atol=0.002)
    assert read_class_list().names == ("ground", "box", "sign") and imported.num_by_split == {"by group": 6}
    assert {sample.group for sample in list_samples()} == {"a", "b", "c"}


def test_a_smaller_area_lies_on_top_and_crowds_below() -> None:
    """Classes are in the order of the categories' ids, behind the background; parts outside are cut off."""
    _write(
        _area(7, [[2, 2, 4, 2, 4, 4, 2, 4]]),
        _area(9, [[0, 0, 6, 0, 6, 20, 0, 20]]),
        _area(9, {"size": [8, 12], "counts": [0, 80, 16]}, iscrowd=1),
    )
    imported = bring_in(WORDS)
    expected = np.zeros((8, 12), np.uint8)
    expected[:, :10], expected[:, :6], expected[2:4, 2:4] = 255, 2, 1
    assert_array_equal(masks_brought_in()["deep__x"], expected)
    assert read_class_list().names == ("background", "dog", "cat")
    assert "where areas overlap, the smaller lies on top" in imported.notes
    assert "crowds lie below all other areas and are ignored" in imported.notes


def test_options_say_what_crowds_boxes_and_the_rest_are() -> None:
    """A crowd may be a class, a box an area, the rest ignored."""
    crowd = {"size": [8, 12], "counts": [0, 8, 88]}
    _write(_area(9, crowd, iscrowd=1), _area(7, [], bbox=[4, 2, 2, 3]) | {"segmentation": []})
    with pytest.raises(DataError, match="1 of 2 annotations have no segmentation, .* --boxes fill if .* --boxes skip"):
        bring_in(WORDS)
    bring_in([*WORDS, "--crowd", "class", "--boxes", "fill", "--background", ""])
    expected = np.full((8, 12), 255, np.uint8)
    expected[:, 0], expected[2:5, 4:6] = 1, 0
    assert_array_equal(masks_brought_in()["deep__x"], expected)
    assert read_class_list().names == ("dog", "cat")


def test_images_without_areas_need_a_decision() -> None:
    """The message has their number, and both options."""
    _write()
    with pytest.raises(
        DataError, match=r"1 of 1 images have no area: deep/x.png; say what .* --unannotated background"
    ):
        bring_in(WORDS)
    with pytest.raises(DataError, match="no image with an area is left"):
        bring_in([*WORDS, "--unannotated", "skip"])
    bring_in([*WORDS, "--unannotated", "background"])
    assert not masks_brought_in()["deep__x"].any()


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([_area(8)], r"1 of 1 annotations have no image or category of their id: annotation 1 \(image_id 1, categ"),
        ([_area(7, [[1, 1, 2]])], "a polygon has 3 numbers, expected x and y of each corner"),
        ([_area(7, [[1, 1, 900, 1, 1, 5]])], r"an area with the corner \(900, 1\) lies outside of the image of 12 x 8"),
        ([_area(7, [[-9, 1, -8, 1, -8, 5]])], r"lies outside of the image of 12 x 8"),
        ([_area(7, {"size": [8, 12], "counts": [3, 4]})], r"\(RLE\) add up to 7 pixels, expected 96"),
        ([_area(7, {"size": [8, 12], "counts": [200, -104]})], "none negative"),
        ([_area(7, {"size": [8, 12], "counts": "\u00fc"})], "compressed run lengths .* are damaged"),
        ([_area(7, {"size": [90000, 90000], "counts": [1]})], r"of \(90000, 90000\) pixels .* the image has \(8, 12\)"),
        ([_area(7, [[1, 1, "<b>", 2]])], r"annotations.0.segmentation.* is '<b>': .*expected COCO's JSON of instances"),
        ([_area(7) | {"category_id": None}], r"annotations.0.category_id is None: Input should be a valid integer"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(rows: list[dict[str, Any]], says: str) -> None:
    """The message names the file, and what was found and expected; nothing is written."""
    _write(*rows)
    with pytest.raises(DataError, match=rf"(?s)a\.json.*{says}"):
        bring_in(WORDS)
    assert not Path("data").exists()


def test_double_ids_and_names_are_refused() -> None:
    """A category would win by chance."""
    _write(_area(), categories=[{"id": 7, "name": "dog"}, {"id": 7, "name": "cat"}])
    with pytest.raises(DataError, match="1 categories have the id of another: 7"):
        bring_in(WORDS)
    _write(_area(), categories=[{"id": 7, "name": "dog"}, {"id": 8, "name": "dog"}])
    with pytest.raises(DataError, match="name 'dog' is given to several classes"):
        bring_in(WORDS)
    _write(_area(), categories=[{"id": 7, "name": "dog\x1b"}])
    with pytest.raises(DataError, match=r"class name 'dog\\x1b' holds the character U\+001B"):
        bring_in(WORDS)


def test_an_image_of_another_size_is_refused() -> None:
    """Also if it is turned by its EXIF tag."""
    _write(_area(), images=[{"id": 1, "file_name": "x.png", "height": 12, "width": 8}])
    with pytest.raises(
        DataError, match=r"of an image of \(12, 8\) \(height, width\), the image is \(8, 12\); its EXIF"
    ):
        bring_in(WORDS)
