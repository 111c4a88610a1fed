"""Tests of boundary IoU and boundary F1, each against a slow loop over pixels."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_array_equal

from pipeline.evaluation.metrics.boundary import (
    BoundaryF1,
    BoundaryIou,
    band_iou,
    count_bands,
    count_edges,
    edge_f1,
)
from pipeline.evaluation.metrics.metric import IGNORED, Setting, hide
from tests.made_scores import as_seen, empty_table

NUM_CLASSES = 3
DISTANCES = st.integers(1, 3)


@st.composite
def labelled(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """A target with some ignored pixels and a prediction, of one size, with `IGNORED` at the same places."""
    shape = draw(array_shapes(min_dims=2, max_dims=2, max_side=7))
    target = draw(arrays(np.uint8, shape, elements=st.sampled_from([0, 1, 2, 7])))
    pred = draw(arrays(np.uint8, shape, elements=st.integers(0, 2)))
    return hide(target, target == 7), hide(pred, target == 7)


def has_near(ids: np.ndarray, row: int, column: int, distance: int, wanted: set[int]) -> bool:
    """Whether one of the ids wanted lies in the square around a pixel; -1 is what lies outside of the picture."""
    for y in range(row - distance, row + distance + 1):
        for x in range(column - distance, column + distance + 1):
            inside = 0 <= y < ids.shape[0] and 0 <= x < ids.shape[1]
            if (int(ids[y, x]) if inside else -1) in wanted:
                return True
    return False


def slow_band(ids: np.ndarray, class_id: int, distance: int) -> set[tuple[int, int]]:
    """Pixels of a class that its erosion takes away, the border being another class."""
    others = {-1, 0, 1, 2, IGNORED} - {class_id}
    places = zip(*np.nonzero(ids == class_id), strict=True)
    return {(int(y), int(x)) for y, x in places if has_near(ids, int(y), int(x), distance, others)}


def slow_edge(ids: np.ndarray, class_id: int) -> set[tuple[int, int]]:
    """Pixels of a class with a neighbour of another id inside of the picture."""
    others = {0, 1, 2, IGNORED} - {class_id}
    places = zip(*np.nonzero(ids == class_id), strict=True)
    return {(int(y), int(x)) for y, x in places if has_near(ids, int(y), int(x), 1, others)}


def slow_met(edge: set[tuple[int, int]], other: set[tuple[int, int]], distance: int) -> int:
    """Pixels of an edge with one of the other nearby."""
    return sum(any(max(abs(y - v), abs(x - u)) <= distance for v, u in other) for y, x in edge)


@given(labelled(), DISTANCES)
def test_bands_are_those_of_erosion(pair: tuple[np.ndarray, np.ndarray], distance: int) -> None:
    """All classes at once give what each alone gives, pixel by pixel."""
    target, pred = pair
    counts = count_bands(target, pred, NUM_CLASSES, distance)
    for class_id in range(NUM_CLASSES):
        band, pred_band = slow_band(target, class_id, distance), slow_band(pred, class_id, distance)
        assert counts[:, class_id].tolist() == [len(band & pred_band), len(band), len(pred_band)]


@given(labelled(), st.integers(0, 3))
def test_edges_are_met_as_a_loop_meets_them(pair: tuple[np.ndarray, np.ndarray], tolerance: int) -> None:
    """All classes at once give what a search through all pairs of edge pixels gives."""
    target, pred = pair
    counts = count_edges(target, pred, NUM_CLASSES, tolerance)
    for class_id in range(NUM_CLASSES):
        edge, pred_edge = slow_edge(target, class_id), slow_edge(pred, class_id)
        met, pred_met = slow_met(edge, pred_edge, tolerance), slow_met(pred_edge, edge, tolerance)
        assert counts[:, class_id].tolist() == [len(edge), met, len(pred_edge), pred_met]


@pytest.mark.parametrize("num_classes", [16, 17, 32, 33, 64, 65, 150, 254])
def test_any_number_of_classes(num_classes: int) -> None:
    """The bits of many classes do not get into each other's way: with other names, the counts are the same."""
    random = np.random.default_rng(0)
    target, pred = random.integers(0, 3, (2, 20, 30)).astype(np.uint8)
    ids = np.array([0, num_classes // 2, num_classes - 1], np.uint8)
    for count in (count_bands, count_edges):
        assert_array_equal(count(ids[target], ids[pred], num_classes, 1)[:, ids], count(target, pred, 3, 1))


def test_a_perfect_prediction_scores_one_and_an_absent_class_nothing() -> None:
    """Both scores are 1 where all is right, whatever is ignored, and nan for a class that is nowhere."""
    mask = np.zeros((40, 60), np.uint8)
    mask[10:30, 20:40], mask[:5, :] = 1, IGNORED
    for make in (BoundaryIou, BoundaryF1):
        metric = make(Setting(("a", "b", "c"), 0.02, 2, {}))
        metric.add(as_seen(mask, np.where(mask == IGNORED, 0, mask)))
        result = metric.result(empty_table("a", "b", "c"))
        assert metric.has_classes and result.value == result.by_class["a"] == 1 and math.isnan(result.by_class["c"])


def test_a_shift_within_the_tolerance_is_forgiven() -> None:
    """Two pixels off is as good as right for the F1 with a tolerance of 2, not of 1, and never for the IoU."""
    target = np.zeros((40, 60), np.uint8)
    target[:, 30:] = 1
    pred = np.roll(target, 2, axis=1)
    pred[:, :2] = 0
    assert edge_f1(count_edges(target, pred, 2, 2)).tolist() == [1, 1]
    assert edge_f1(count_edges(target, pred, 2, 1)).tolist() == [0, 0]
    assert (band_iou(count_bands(target, pred, 2, 1)) < 1).all()


def test_pixels_are_pooled_over_images() -> None:
    """The counts of images add up; the scores do not."""
    random = np.random.default_rng(1)
    small, large = (random.integers(0, 3, (2, *size)).astype(np.uint8) for size in ((9, 9), (30, 20)))
    bands, edges = (make(Setting(("a", "b", "c"), 0.1, 1, {})) for make in (BoundaryIou, BoundaryF1))
    for metric in (bands, edges):
        for target, pred in (small, large):
            metric.add(as_seen(target, pred))
    assert_array_equal(bands.counts, count_bands(small[0], small[1], 3, 1) + count_bands(large[0], large[1], 3, 4))
    assert_array_equal(edges.counts, count_edges(small[0], small[1], 3, 1) + count_edges(large[0], large[1], 3, 1))


def test_a_class_on_one_side_only_scores_nothing() -> None:
    """A class that is never predicted, or never there, has 0 and not nan."""
    target, pred = np.zeros((6, 6), np.uint8), np.zeros((6, 6), np.uint8)
    target[2:4, 2:4] = 1
    assert edge_f1(count_edges(target, pred, 2, 1)).tolist() == [0, 0]
    assert band_iou(count_bands(target, pred, 2, 1))[1] == 0
