"""Tests of suspected label errors."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.errors import EvidenceError
from pipeline.evaluation.label_errors import Suspect, find_suspects, read_suspects, write_suspects

NAMES = ("sky", "road", "car")
ASKED = {"min_confidence": 0.9, "min_area_px": 4, "edge_px": 0}


def find(target: np.ndarray, pred: np.ndarray, confidence: np.ndarray, **changes: Any) -> list[Suspect]:
    """The suspects of an image, asked for as above but for the changes."""
    return find_suspects("s", NAMES, target, pred, confidence, **{**ASKED, **changes})


def suspect(name: str, num_pixels: int) -> Suspect:
    """An area of an image."""
    return Suspect(name, "sky", "car", num_pixels, 1, 2, 3, 4)


@pytest.fixture
def image() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A car of 4 x 6 pixels, labelled as road, in a sky; the model is sure of all."""
    target, pred = np.zeros((20, 30), np.uint8), np.zeros((20, 30), np.uint8)
    target[5:9, 10:16], pred[5:9, 10:16] = 1, 2
    return target, pred, np.ones((20, 30), np.float32)


def test_a_confident_disagreement_is_found(image: tuple[np.ndarray, ...]) -> None:
    """It is told with its classes, its size and its place."""
    assert find(*image) == [Suspect("s", "road", "car", 24, left=10, top=5, width=6, height=4)]


@pytest.mark.parametrize(
    ("changes", "confidence"),
    [({"min_area_px": 25}, 1.0), ({}, 0.8), ({"edge_px": 2}, 1.0), ({"min_confidence": 1}, 0.95)],
)
def test_small_thin_and_doubtful_areas_are_left_out(
    image: tuple[np.ndarray, ...], changes: dict[str, Any], confidence: float
) -> None:
    """An area below the size, one that is as thin as edges are inexact, and a doubtful one are no suspicion."""
    target, pred, sure = image
    assert find(target, pred, sure * np.float32(confidence), **changes) == []


def test_thick_areas_outlast_the_edges(image: tuple[np.ndarray, ...]) -> None:
    """A line of one pixel is cut off, but for a stub; what is thicker stays, but for its corners."""
    target, pred, sure = image
    pred[6, :10] = 1
    (found,) = find(target, pred, sure, edge_px=1)
    assert 9 <= found.left <= 10 and found.height == 4 and 20 <= found.num_pixels <= 25


@given(
    arrays(np.uint8, (9, 12), elements=st.integers(0, 2)),
    arrays(np.uint8, (9, 12), elements=st.integers(0, 2)),
    arrays(np.float32, (9, 12), elements=st.sampled_from([0.5, np.float32(0.9), 1.0])),
)
def test_areas_are_those_of_a_flood(target: np.ndarray, pred: np.ndarray, confidence: np.ndarray) -> None:
    """Sizes are those that a flood fill over the eight neighbours finds."""
    left = {(int(y), int(x)) for y, x in np.argwhere((target != pred) & (confidence >= np.float32(0.9)))}
    sizes = []
    while left:
        flood = [left.pop()]
        for y, x in flood:
            near = left & {(y + i, x + j) for i in (-1, 0, 1) for j in (-1, 0, 1)}
            left -= near
            flood += near
        sizes.append(len(flood))
    found = find(target, pred, confidence, min_confidence=np.float32(0.9))
    assert sorted(part.num_pixels for part in found) == sorted(size for size in sizes if size >= 4)


def test_the_list_is_in_order_of_size(tmp_path: Path) -> None:
    """The file has a row for each area, the largest first, whatever the names hold."""
    write_suspects(tmp_path / "suspects.csv", [suspect("a", 5), suspect('Straße,"1"', 50)])
    with (tmp_path / "suspects.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ['Straße,"1"', "a"]
    assert rows[0] == {
        **{"name": 'Straße,"1"', "label": "sky", "predicted": "car", "num_pixels": "50"},
        **{"left": "1", "top": "2", "width": "3", "height": "4"},
    }


def test_the_list_is_read_as_it_was_written(tmp_path: Path) -> None:
    """A missing file is named, so is one that is cut in its last row."""
    path = tmp_path / "suspects.csv"
    with pytest.raises(EvidenceError, match=r"suspects.csv: not found; run the stage `evaluate` first"):
        read_suspects(path)
    found = [suspect("b", 50), suspect("a", 5)]
    write_suspects(path, found)
    assert read_suspects(path) == found
    path.write_text(path.read_text()[:-6])
    with pytest.raises(EvidenceError, match=r"suspects.csv: is damaged .*; run the stage `evaluate` again"):
        read_suspects(path)
