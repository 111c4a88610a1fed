"""Tests of the importer of Label Studio's JSON export, against pycocotools."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pycocotools import mask as coco_mask

from pipeline.dataset.contract import read_class_list
from pipeline.errors import DataError
from pipeline.vision.codec import write_png
from tests.formats.areas import brush
from tests.formats.small import bring_in, masks_brought_in, shares, write_small

WORDS = ["label-studio", "a.json", "images"]
BOX = {"x": 25, "y": 25, "width": 50, "height": 25, "rotation": 0, "rectanglelabels": ["dog"]}


def _result(value: dict[str, Any], **more: Any) -> dict[str, Any]:
    kind = next((key for key in value if key.endswith("labels")), "polygon")
    return {"type": kind, "value": value, "original_width": 16, "original_height": 8, "image_rotation": 0} | more


def _write(*results: dict[str, Any], image: str = "/data/upload/1/0a1b2c3d-my%20x.png?a=b", **more: Any) -> None:
    write_png(Path("images/my x.png"), np.full((8, 16, 3), 90, np.uint8))
    Path("a.json").write_text(json.dumps([{"data": {"image": image}, "annotations": [{"result": results}]} | more]))


def test_classes_are_those_that_pycocotools_draws() -> None:
    """Percent are of the image's own size; the brush lies on top."""
    words, masks = write_small("label-studio")
    bring_in(words)
    expected = {}
    for task in json.loads(Path("export.json").read_text()):
        name = task["file_upload"].partition("-")[2].removesuffix(".png")
        mask = expected[name] = np.zeros((40, 56), np.uint8)
        for result in task["annotations"][0]["result"]:
            if result["type"] == "polygonlabels":
                points = np.array(result["value"]["points"]) / 100 * (56, 40)
                (runs,) = coco_mask.frPyObjects([points.ravel().tolist()], 40, 56)
                label = result["value"]["polygonlabels"][0]
                mask[coco_mask.decode(runs) == 1] = {"ground": 0, "box": 1, "sign": 2, "void": 255}[label]
        mask[masks[name] == 255] = 255
    assert_allclose(shares(masks_brought_in()), shares(expected), rtol=0, atol=1e-6)
    assert_allclose(shares(masks_brought_in()), shares(masks), rtol=0, atol=0.002)


def test_every_kind_of_area_is_drawn_in_order() -> None:
    """A rectangle turns around its corner; labels are classes in the order of their names; the rest is counted."""
    where = np.zeros((8, 16), bool)
    where[7, 2:5] = True
    _write(
        _result(BOX),
        _result({"x": 100, "y": 0, "width": 25, "height": 25, "rotation": 90, "rectanglelabels": ["cat"]}),
        _result({"x": 50, "y": 50, "radiusX": 12.5, "radiusY": 25, "rotation": 90, "ellipselabels": ["cat"]}),
        _result({"format": "rle", "rle": brush(where), "brushlabels": ["dog"]}),
        _result({"choices": ["x"]}, type="choices"),
    )
    imported = bring_in(WORDS)
    expected = np.zeros((8, 16), np.uint8)
    expected[2:4, 4:12], expected[0:4, 14:16], expected[7, 2:5] = 2, 1, 2
    y, x = np.mgrid[:8, :16] + 0.5
    expected[(x - 8) ** 2 + (y - 4) ** 2 <= 4] = 1
    assert_array_equal(masks_brought_in()["my x"], expected)
    assert read_class_list().names == ("background", "cat", "dog")
    assert "results of type 'choices' were left out: 1" in imported.notes


def test_ground_truth_counts_else_the_last_annotation() -> None:
    """Cancelled ones never; how many were left out is noted."""
    rows = [
        {"result": [_result(BOX | {"rectanglelabels": [label]})], "updated_at": at, "ground_truth": is_true, **more}
        for label, at, is_true, more in (
            ("a", "2026-01-02", False, {}), ("b", "2026-01-03", False, {"was_cancelled": True}),
            ("c", "2026-01-01", True, {}),
        )
    ]  # fmt: skip
    _write(annotations=rows)
    imported = bring_in(WORDS)
    assert read_class_list().names == ("background", "c")
    assert "further annotations of an image were left out: 1" in imported.notes


@pytest.mark.parametrize("image", ["/data/local-files/?d=some/my%20x.png", "s3://bucket/my%20x.png", "my x.png"])
def test_the_image_may_be_a_path_or_a_url(image: str) -> None:
    """It is looked up by the end of its path."""
    _write(_result(BOX), image=image)
    bring_in(WORDS)
    assert [*masks_brought_in()] == ["my x"]


@pytest.mark.parametrize(
    ("result", "says"),
    [
        (_result(BOX, original_width=900), "drawn on an image of 8 x 900|of an image of .8, 900."),
        (_result(BOX, image_rotation=90), "turned by 90 degrees"),
        (_result(BOX | {"x": "1"}), "x, y, width, height of an area is .*, expected numbers"),
        (_result(BOX | {"x": 1e6}), "lies outside of the image"),
        (_result(BOX | {"rectanglelabels": ["a", "b"]}), r"an area has the labels \['a', 'b'\], expected one"),
        (_result({"points": 3.7, "polygonlabels": ["a"]}), "corners are not pairs of numbers"),
        (_result({"points": [[1, 2], [3]], "polygonlabels": ["a"]}), "corners are not pairs of numbers"),
        (
            _result({"rle": brush(np.ones((9, 9), bool)), "brushlabels": ["a"]}),
            "a brush has 81 pixels, its image 8 x 16",
        ),
        (_result({"rle": [1, 2, 3], "brushlabels": ["a"]}), "the brush's run lengths .* are damaged"),
        (_result({"rle": "x", "brushlabels": ["a"]}), "rle of an area is 'x', expected numbers"),
    ],
)
def test_results_that_cannot_be_are_refused(result: dict[str, Any], says: str) -> None:
    """The message names file and image; nothing is written."""
    _write(result)
    with pytest.raises(DataError, match=rf"(?s)a\.json.*({says})"):
        bring_in(WORDS)
    assert not Path("data").exists()


def test_other_files_and_missing_images_are_refused() -> None:
    """JSON-MIN has no annotations; a missing image may be left out."""
    _write(_result(BOX))
    Path("a.json").write_text(json.dumps([{"image": "x.png", "label": []}]))
    with pytest.raises(
        DataError, match=r"0.data is .*Field required.*; expected Label Studio's export JSON \(not JSON-M"
    ):
        bring_in(WORDS)
    _write(_result(BOX), data={})
    with pytest.raises(DataError, match="a task's data have no image"):
        bring_in(WORDS)
    _write(_result(BOX), image="<script>/../../y.png")
    with pytest.raises(
        DataError, match=r"1 of 1 images are not below images: <script>/../../y.png; put them there or co"
    ):
        bring_in([*WORDS, "--missing", "skip"])
