"""Tests of turning masks of others into class ids."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_array_equal
from PIL import Image

from pipeline.dataset.contract import ClassList
from pipeline.errors import DataError
from pipeline.importers.label_map import Kind, Labels, code_of, colour_of, decode, to_ids
from pipeline.vision.codec import read_stored, write_png

CLASSES = ClassList(("ground", "box", "sign"), ((90, 90, 90), (200, 40, 40), (40, 40, 200)), 255)
LABELS = Labels(
    Path("classes.yaml"),
    CLASSES,
    by_value={0: 0, 7: 1, 300: 2, 255: 255},
    by_colour={code_of(colour): id_ for id_, colour in enumerate(CLASSES.colours)} | {0: 255},
)
MASKS = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=16), elements=st.sampled_from([0, 1, 2, 255]))


def _paint(mask: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 RGB: each class in its colour, ignored pixels black."""
    palette = np.zeros((256, 3), np.uint8)
    palette[: len(CLASSES)] = CLASSES.colours
    return np.asarray(palette[mask])


def _read(tmp_path: Path, pixels: np.ndarray, kind: Kind) -> np.ndarray:
    path = tmp_path / "mask.png"
    if pixels.dtype == np.uint8:
        write_png(path, pixels)
    else:
        Image.fromarray(pixels).save(path)
    return to_ids(read_stored(path), path, kind, LABELS)


@given(colour=st.tuples(*[st.integers(0, 255)] * 3))
def test_a_colour_has_one_code(colour: tuple[int, int, int]) -> None:
    """A code gives its colour back."""
    assert colour_of(code_of(colour)) == colour


@given(mask=MASKS)
def test_colour_round_trip(mask: np.ndarray) -> None:
    """Encoding a mask to colours and back loses nothing; what is ignored is black."""
    assert_array_equal(to_ids(_paint(mask), Path("mask.png"), "colour", LABELS), mask)


@given(
    codes=arrays(np.int32, (5, 6), elements=st.integers(0, 9)),
    ids=st.dictionaries(st.integers(0, 9), st.integers(0, 255), min_size=1),
)
def test_decoding_is_a_look_up(codes: np.ndarray, ids: dict[int, int]) -> None:
    """Each declared code has its id, and no other code is taken for declared."""
    mask, is_declared = decode(codes, ids)
    for code, id_, known in zip(codes.ravel().tolist(), mask.ravel().tolist(), is_declared.ravel(), strict=True):
        assert known == (code in ids) and (not known or id_ == ids[code])


def test_index_masks(tmp_path: Path) -> None:
    """Values are looked up, in 8 or 16 bits, in one channel or in three equal ones."""
    values, ids = np.array([[0, 7], [7, 255]], np.uint8), [[0, 1], [1, 255]]
    assert_array_equal(_read(tmp_path, values, "index"), ids)
    assert_array_equal(_read(tmp_path, np.dstack([values] * 3), "index"), ids)
    assert_array_equal(_read(tmp_path, np.array([[300, 7]], np.uint16), "index"), [[2, 1]])


def test_binary_masks(tmp_path: Path) -> None:
    """Black is the first class, white the second, also in one bit."""
    assert_array_equal(_read(tmp_path, np.array([[0, 255]], np.uint8), "binary"), [[0, 1]])
    Image.fromarray(np.array([[False, True]])).save(tmp_path / "bit.png")
    assert_array_equal(to_ids(read_stored(tmp_path / "bit.png"), tmp_path / "bit.png", "binary", LABELS), [[0, 1]])


def test_palettes_are_indices_or_colours(tmp_path: Path) -> None:
    """The kind says which of the two a palette's PNG means."""
    picture = Image.fromarray(np.array([[0, 7]], np.uint8), "P")
    picture.putpalette([*CLASSES.colours[2], *[0] * 18, *CLASSES.colours[1]])
    picture.save(tmp_path / "a.png")
    stored = read_stored(tmp_path / "a.png")
    assert_array_equal(to_ids(stored, tmp_path / "a.png", "index", LABELS), [[0, 1]])
    assert_array_equal(to_ids(stored, tmp_path / "a.png", "colour", LABELS), [[2, 1]])


def test_alpha_is_no_part_of_a_colour(tmp_path: Path) -> None:
    """A colour mask may have four channels."""
    pixels = np.dstack((_paint(np.array([[1, 2]], np.uint8)), np.array([[9, 255]], np.uint8)))
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert_array_equal(to_ids(read_stored(tmp_path / "a.png"), tmp_path / "a.png", "colour", LABELS), [[1, 2]])


def test_a_colour_that_is_not_declared_is_never_the_nearest_class(tmp_path: Path) -> None:
    """The message names file, colour and pixel count."""
    pixels = _paint(np.zeros((4, 4), np.uint8))
    pixels[0, :3] = (201, 40, 40)
    with pytest.raises(DataError, match=r"mask.png: colour \[201, 40, 40\] on 3 pixels is not declared$"):
        _read(tmp_path, pixels, "colour")
    pixels[3] = ((1, 1, 1), (2, 2, 2), (2, 2, 2), (3, 3, 3))
    with pytest.raises(DataError, match=r"is not declared, nor are 3 more on 4 pixels"):
        _read(tmp_path, pixels, "colour")


@pytest.mark.parametrize(("kind", "value"), [("index", 1), ("binary", 128)])
def test_a_value_that_is_not_declared_is_refused(tmp_path: Path, kind: Kind, value: int) -> None:
    """The message names value and pixel count."""
    with pytest.raises(DataError, match=f"mask.png: value {value} on 1 pixel is not declared"):
        _read(tmp_path, np.array([[0, value]], np.uint8), kind)


def test_a_coloured_mask_is_no_index_mask(tmp_path: Path) -> None:
    """Nor is a mask of 16-bit colours a colour mask."""
    with pytest.raises(DataError, match="mask.png: is coloured, where one grey value per class was expected"):
        _read(tmp_path, _paint(np.array([[1]], np.uint8)), "index")
    with pytest.raises(DataError, match="mask.png: has 16 bits per channel"):
        _read(tmp_path, np.array([[7]], np.uint16), "colour")
