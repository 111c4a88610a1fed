"""Tests of masks that people can look at."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from pipeline.dataset.contract import ClassList
from pipeline.errors import EvidenceError
from pipeline.evaluation.overlays import (
    IGNORED,
    PANEL_PX,
    WRONG,
    Picture,
    difference,
    join_panels,
    legend,
    list_overlays,
    make_panels,
    overlay,
    shrink,
    write_overlays,
)

CLASSES = ClassList(("sky", "road <wet>"), ((0, 0, 255), (200, 100, 50)), 255)
GREY = np.full((6, 8, 3), 100, np.uint8)


def halves() -> np.ndarray:
    """A mask: sky above road, a column ignored."""
    mask = np.zeros((6, 8), np.uint8)
    mask[3:] = 1
    mask[:, 0] = 255
    return mask


def test_overlay_tints_each_class() -> None:
    """Inside a class the image shines through, its edge has the full colour, ignored pixels stay as they were."""
    shown = overlay(GREY, halves(), CLASSES)
    assert_array_equal(shown[0, 4], [45, 45, 185])
    assert_array_equal(shown[2, 4], [0, 0, 255])
    assert_array_equal(shown[4, 0], [100, 100, 100])
    assert shown.dtype == np.uint8


def test_difference_marks_wrong_and_ignored_pixels() -> None:
    """Wrong pixels are red, ignored ones dark whatever was predicted, and right ones grey."""
    pred = np.zeros((6, 8), np.uint8)
    shown = difference(GREY, halves(), pred, 255)
    assert_array_equal(shown[5, 5], WRONG)
    assert_array_equal(shown[5, 0], IGNORED)
    assert_array_equal(shown[0, 5], [160, 160, 160])


@given(st.integers(1, 1500), st.integers(1, 1500))
@settings(max_examples=15)
def test_panels_are_alike_and_not_too_large(height: int, width: int) -> None:
    """All four have one size, the image's own unless that is too large for a page."""
    image, mask = np.zeros((height, width, 3), np.uint8), np.zeros((height, width), np.uint8)
    panels = make_panels(shrink(Picture(image, mask, mask)), CLASSES)
    assert len({panel.shape for panel in panels}) == 1
    assert max(panels.image.shape) == min(max(height, width), PANEL_PX) or max(height, width) < 3
    assert join_panels(panels).shape[1] > 4 * panels.image.shape[1]


def test_panels_tell_truth_from_prediction() -> None:
    """Each mask lies over the image in a panel of its own."""
    panels = make_panels(Picture(GREY, halves(), np.zeros((6, 8), np.uint8)), CLASSES)
    assert_array_equal(panels.image, GREY)
    assert_array_equal(panels.truth, overlay(GREY, halves(), CLASSES))
    assert_array_equal(panels.prediction, overlay(GREY, np.zeros((6, 8), np.uint8), CLASSES))


def test_overlays_are_named_by_kind_and_rank(tmp_path: Path) -> None:
    """Whose they are is in their table, whatever the name; a damaged table is named."""
    write_overlays(tmp_path, {"worst": [("a/b#%41,", b"1"), ("c", b"2")], "random": []})
    (first, second) = list_overlays(tmp_path)
    assert first == ("worst", 1, "a/b#%41,", tmp_path / "worst_01.jpg")
    assert (second.name, second.path.read_bytes()) == ("c", b"2")
    (tmp_path / "overlays.csv").write_text("kind,rank\nworst,1\n")
    with pytest.raises(
        EvidenceError, match=r"overlays.csv: is damaged .*name: Field required.*; run the stage `evaluate` again"
    ):
        list_overlays(tmp_path)


def test_legend_is_a_picture_with_every_class() -> None:
    """It parses as SVG, whatever the names are, and tells ids, names and colours."""
    root = ElementTree.fromstring(legend(CLASSES))
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["0 sky", "1 road <wet>"]
    assert 'fill="rgb(200, 100, 50)"' in legend(CLASSES)
