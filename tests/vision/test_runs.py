"""Tests of run lengths as pixels, against pycocotools and Label Studio's own encoder."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal
from pycocotools import mask as coco_mask

from pipeline.errors import DataError
from pipeline.vision.runs import check_runs, fill_brush, fill_columns, fill_runs, parse_counts, to_brush, to_runs
from tests.formats.areas import brush

MASKS = arrays(bool, st.tuples(st.integers(1, 40), st.integers(1, 40)))
BY_LABEL_STUDIO = [0, 0, 0, 60, 57, 27, 252, 224, 19, 255, 206, 1, 111, 254, 48, 8, 255, 237, 128, 70, 14]
"""`mask2rle` of label-studio-sdk 2.1.2 for the mask below."""


@given(MASKS)
def test_compressed_runs_are_those_of_pycocotools(mask: np.ndarray) -> None:
    """COCO's run lengths go down the columns."""
    height, width = mask.shape
    counts = parse_counts(coco_mask.encode(np.asfortranarray(mask, np.uint8))["counts"].decode())
    assert_array_equal(fill_runs(counts, mask.size).reshape(width, height).T, mask)
    columns, pixels = fill_columns(counts, height, width)
    assert_array_equal(pixels, mask[:, columns])
    assert pixels.sum() == mask.sum()


@pytest.mark.parametrize("text", ["a\u00fc", "\n", "P", "o" * 20])
def test_damaged_runs_are_refused(text: str) -> None:
    """pycocotools would read beyond their end."""
    with pytest.raises(DataError, match="are damaged|end too early"):
        parse_counts(text)


@pytest.mark.parametrize("counts", [[], [5], [7, -1], [1 << 70]])
def test_runs_of_another_size_are_refused(counts: list[int]) -> None:
    """Nothing is allocated by their claim."""
    with pytest.raises(DataError, match=r"add up to [\d,]+ pixels, expected 6, none negative"):
        check_runs(counts, 6)


def test_a_brush_is_that_of_label_studio() -> None:
    """Runs of all lengths and single values; any alpha above 0 counts."""
    expected = [[0, 0, 1, 1, 0], [0, 1, 1, 1, 0], [1, 0, 0, 0, 1]]
    assert_array_equal(fill_brush(BY_LABEL_STUDIO, 3, 5), np.array(expected, bool))


@given(MASKS)
def test_a_brush_round_trip(mask: np.ndarray) -> None:
    """Our writer's long runs come back."""
    assert_array_equal(fill_brush(brush(mask), *mask.shape), mask)


@pytest.mark.parametrize("content", [[], [300], BY_LABEL_STUDIO[:-4], [255] * 20])
def test_damaged_brushes_are_refused(content: list[int]) -> None:
    """Too short, no bytes, or of another size; a run may not leave the image."""
    with pytest.raises(DataError, match="are damaged|a brush has .* pixels, its image 3 x 5"):
        fill_brush(content, 3, 5)
    too_long = brush(np.ones((3, 5), bool))
    too_long[3] = 4
    with pytest.raises(DataError, match="are damaged"):
        fill_brush(too_long, 1, 1)


@given(MASKS)
def test_runs_and_back(mask: np.ndarray) -> None:
    """Pixels become run lengths and a brush, and these the same pixels; the brush is that of another writer."""
    assert_array_equal(fill_runs(to_runs(mask.ravel()), mask.size).reshape(mask.shape), mask)
    assert_array_equal(fill_brush(to_brush(mask), *mask.shape), mask)
    assert to_brush(mask) == brush(mask)


def test_a_brush_of_long_runs() -> None:
    """Runs longer than a length of 16 bits are written in parts."""
    mask = np.zeros((300, 301), bool)
    mask[100:250] = True
    assert_array_equal(fill_brush(to_brush(mask), 300, 301), mask)
    assert to_brush(mask) == brush(mask)
