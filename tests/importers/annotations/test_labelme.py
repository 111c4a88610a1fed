"""Tests of the importer of Labelme's files, against Pillow as Labelme itself draws."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image, ImageDraw

from pipeline.dataset.contract import read_class_list
from pipeline.errors import DataError
from pipeline.vision.codec import encode_png, write_png
from tests.formats.small import bring_in, masks_brought_in, shares, write_small

WORDS = ["labelme", "photos"]
BOX = {"label": "dog", "points": [[1, 1], [4, 3]], "shape_type": "rectangle"}


def _write(*shapes: dict[str, Any], name: str = "x", **more: Any) -> None:
    write_png(Path("photos/x.png"), np.full((8, 12, 3), 90, np.uint8))
    content = {"shapes": shapes, "imagePath": "x.png", "imageHeight": 8, "imageWidth": 12, "imageData": None}
    Path(f"photos/{name}.json").write_text(json.dumps(content | more))


def test_classes_are_those_that_pillow_draws() -> None:
    """Polygons in the order of the file; images within their JSON file come out as they were."""
    words, masks = write_small("labelme")
    bring_in(words)
    expected = {}
    for name in masks:
        content = json.loads(Path(f"photos/{name}.json").read_text())
        picture = Image.new("L", (content["imageWidth"], content["imageHeight"]))
        for shape in content["shapes"]:
            value = {"ground": 0, "box": 1, "sign": 2, "void": 255}[shape["label"]]
            ImageDraw.Draw(picture).polygon([tuple(point) for point in shape["points"]], outline=value, fill=value)
        expected[name] = np.array(picture)
    assert_allclose(shares(masks_brought_in()), shares(expected), rtol=0, atol=1e-6)
    assert_allclose(shares(masks_brought_in()), shares(masks), rtol=0, atol=0.002)
    assert Path("data/images/c_4.png").read_bytes().startswith(b"\x89PNG") and not Path("photos/c_4.png").exists()


def test_every_kind_of_area_is_drawn_in_order() -> None:
    """Labels are classes in the order of their names, behind the background; lines are left out and counted."""
    mask = base64.b64encode(encode_png(np.array([[1, 0], [1, 1]], np.uint8))).decode()
    _write(
        BOX,
        {"label": "cat", "points": [[9, 4], [9, 6]], "shape_type": "circle"},
        {"label": "cat", "points": [[4, 3], [5, 4]], "shape_type": "mask", "mask": mask},
        {"label": "dog", "points": [[0, 7], [3, 7]], "shape_type": "line"},
    )
    imported = bring_in(WORDS)
    expected = np.zeros((8, 12), np.uint8)
    expected[1:4, 1:5], expected[3, 4], expected[4, 4:6] = 2, 1, 1
    picture = Image.fromarray(expected)
    ImageDraw.Draw(picture).ellipse((7, 2, 11, 6), fill=1)
    assert_array_equal(masks_brought_in()["x"], np.array(picture))
    assert read_class_list().names == ("background", "cat", "dog")
    assert "shapes without area (points, lines) were left out: 1" in imported.notes


def test_the_image_is_found_as_labelme_finds_it() -> None:
    """By imagePath from the JSON file's folder, with any system's slashes; else by the JSON file's own name."""
    _write(BOX, imagePath="..\\elsewhere\\x.png")
    Path("photos/sub").mkdir()
    Path("photos/x.json").rename("photos/sub/y.json")
    bring_in(WORDS)
    Path("data").rename("before")
    Path("photos/x.png").rename("photos/sub/y.png")
    bring_in(WORDS)
    assert [*masks_brought_in()] == ["sub__y"]
    Path("data").rename("after")
    Path("photos/sub/y.png").unlink()
    with pytest.raises(DataError, match="1 of 1 images are not below photos: sub/x.png; put them there"):
        bring_in(WORDS)


def test_images_without_file_need_a_decision() -> None:
    """JSON of another kind is left out and counted."""
    _write(BOX)
    write_png(Path("photos/z.png"), np.full((8, 12, 3), 90, np.uint8))
    Path("photos/other.json").write_text("[1]")
    with pytest.raises(DataError, match="1 of 2 images have no area: z.png; say what they are: --unannotated backgr"):
        bring_in(WORDS)
    imported = bring_in([*WORDS, "--unannotated", "skip"])
    assert imported.num_samples == 1 and "JSON files without shapes were left out: 1" in imported.notes


@pytest.mark.parametrize(
    ("shape", "more", "says"),
    [
        (BOX | {"points": [[1, 1]]}, {}, "a rectangle has 1 points, expected 2"),
        (BOX | {"shape_type": "polygon"}, {}, "a polygon has 2 points, expected at least 3"),
        (BOX | {"points": [[1, 1], [1, 9999]]}, {}, r"the corner \(1, 9999\) lies outside of the image"),
        (BOX | {"shape_type": "circle", "points": [[1, 1], [12, 20]]}, {}, "lies outside of the image"),
        (BOX | {"shape_type": "mask", "mask": "!"}, {}, "a mask is damaged"),
        (BOX | {"label": 3}, {}, r"shapes.0.label is 3: .*expected a file of Labelme"),
        (BOX, {"imageWidth": 10**9}, r"of an image of \(8, 1000000000\) \(height, width\), the image is \(8, 12\)"),
        (BOX, {"imagePath": "/etc/passwd", "imageData": "!"}, "imageData is damaged"),
        (BOX, {"imagePath": "p", "imageData": "UklGRg=="}, "cannot be decoded"),
    ],
)
def test_damaged_files_are_refused(shape: dict[str, Any], more: dict[str, Any], says: str) -> None:
    """The message names the file; nothing is written."""
    _write(shape, name="other" if "imageData" in more else "x", **more)
    if "imageData" in more:
        Path("photos/x.png").unlink()
    with pytest.raises(DataError, match=rf"(?s)photos/(x|other)\.json.*{says}"):
        bring_in(WORDS)
    assert not Path("data").exists()


def test_a_mask_of_another_size_than_its_points_is_refused() -> None:
    """Both are named."""
    mask = base64.b64encode(encode_png(np.ones((2, 2), np.uint8))).decode()
    _write({"label": "cat", "points": [[4, 3], [9, 4]], "shape_type": "mask", "mask": mask})
    with pytest.raises(
        DataError, match=r"a mask has \(2, 2\) pixels \(height, width\), its corners \(4, 3\), \(9, 4\)"
    ):
        bring_in(WORDS)


def test_a_folder_without_files_of_labelme_is_refused() -> None:
    """Also one that is not there."""
    with pytest.raises(DataError, match="photos: is not a folder"):
        bring_in(WORDS)
    Path("photos").mkdir()
    with pytest.raises(DataError, match="found no JSON file with shapes; expected a file of Labelme"):
        bring_in(WORDS)
