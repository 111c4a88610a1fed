"""Tests of reading the masks of others."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from pipeline.errors import DataError
from pipeline.importers.repairs.mask_picture import read_mask_picture
from pipeline.importers.repairs.opened import ChoiceError
from pipeline.importers.repairs.repairs import Repairs
from pipeline.vision.codec import read_stored
from tests.importers.awkward_files import COLOURS, ORIENTATION, alpha, as_palette, png_of_bits, save, tiff, truth

IDS = truth(1, 3)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif"])
def test_a_palette_has_indices_and_colours(tmp_path: Path, suffix: str) -> None:
    """Both, for the kind to choose."""
    save(tmp_path / f"a.{suffix}", as_palette(IDS))
    mask = read_mask_picture(tmp_path / f"a.{suffix}")
    assert mask.has_palette and mask.grey is None
    assert_array_equal(mask.stored_as("index"), IDS)
    assert_array_equal(mask.stored_as("colour"), COLOURS[IDS])


def test_a_gif_has_colours_alone(tmp_path: Path) -> None:
    """Programs number its palette anew when they save it."""
    save(tmp_path / "a.gif", as_palette(IDS))
    mask = read_mask_picture(tmp_path / "a.gif")
    assert mask.index is None and not mask.has_palette
    assert_array_equal(mask.stored_as("index"), COLOURS[IDS])
    save(tmp_path / "b.gif", IDS)
    assert_array_equal(read_mask_picture(tmp_path / "b.gif").stored_as("index"), IDS)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_few_bits_are_values_from_0(tmp_path: Path, bits: int) -> None:
    """As brightness they are stretched to 255."""
    ids = np.minimum(IDS, 2**bits - 1)
    (tmp_path / "a.png").write_bytes(png_of_bits(ids, bits))
    (tmp_path / "b.tif").write_bytes(tiff(ids, bits))
    for name in ("a.png", "b.tif"):
        mask = read_mask_picture(tmp_path / name)
        assert_array_equal(mask.stored_as("index"), ids)
        assert_array_equal(mask.stored_as("binary"), ids * (255 // (2**bits - 1)))


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_whole_numbers_of_any_type_are_values(tmp_path: Path, dtype: type) -> None:
    """They have no colours; a number that is not whole is no class; nan is refused."""
    save(tmp_path / "a.tif", IDS.astype(dtype) * 300)
    mask = read_mask_picture(tmp_path / "a.tif")
    assert_array_equal(mask.stored_as("index"), IDS.astype(int) * 300)
    assert mask.colours is None and mask.brightness.max() == 600
    save(tmp_path / "a.tif", np.where(IDS, np.nan, 0).astype(np.float32))
    with pytest.raises(DataError, match=r"a.tif: \d+ pixels are nan"):
        read_mask_picture(tmp_path / "a.tif")


def test_alpha_counts_if_one_says_so(tmp_path: Path) -> None:
    """A mask that differs in alpha alone is refused until then."""
    alpha(tmp_path / "a.png", truth(1))
    with pytest.raises(ChoiceError, match="a.png: all pixels have one colour and differ in alpha alone") as caught:
        read_mask_picture(tmp_path / "a.png")
    assert caught.value.options == {"alpha": "label"}
    assert_array_equal(
        read_mask_picture(tmp_path / "a.png", Repairs(alpha="label")).stored_as("binary"), truth(1) * 255
    )
    assert (read_mask_picture(tmp_path / "a.png", Repairs(alpha="drop")).stored_as("binary") == 255).all()
    save(tmp_path / "b.png", IDS)
    with pytest.raises(DataError, match="b.png: has no alpha channel, where --alpha label expects the classes"):
        read_mask_picture(tmp_path / "b.png", Repairs(alpha="label"))
    save(tmp_path / "c.png", Image.merge("LA", [Image.fromarray(IDS), Image.fromarray(IDS)]))
    assert_array_equal(read_mask_picture(tmp_path / "c.png").stored_as("index"), IDS)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_a_mask_with_an_orientation_is_read_upright(tmp_path: Path, orientation: int, suffix: str) -> None:
    """As OpenCV reads the images."""
    path, exif = tmp_path / f"a.{suffix}", Image.Exif()
    exif[ORIENTATION] = orientation
    save(path, IDS, exif=exif)
    assert_array_equal(read_mask_picture(path).stored_as("index"), read_stored(path))


def test_16_bit_colours_are_refused(tmp_path: Path) -> None:
    """Pillow would cut them to 8 bits without a word."""
    import cv2

    cv2.imwrite(str(tmp_path / "a.png"), (COLOURS[IDS].astype(np.uint16) * 256))
    with pytest.raises(DataError, match="a.png: has 16 bits per channel"):
        read_mask_picture(tmp_path / "a.png")


def test_a_damaged_mask_is_refused(tmp_path: Path) -> None:
    """Also if all of its pixels are there."""
    for suffix in ("png", "gif", "tif", "bmp"):
        path = tmp_path / f"a.{suffix}"
        save(path, IDS)
        path.write_bytes(path.read_bytes()[: -20 if suffix == "png" else 60])
        with pytest.raises(DataError, match=f"a.{suffix}: cannot be decoded"):
            read_mask_picture(path)
