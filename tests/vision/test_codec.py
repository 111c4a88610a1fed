"""Decoding and encoding of pictures."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_array_equal
from PIL import Image

from pipeline.errors import DataError
from pipeline.vision.codec import encode_jpeg, encode_png, has_low_range, read_image, read_mask, read_stored, write_png
from pipeline.vision.picture_files import open_picture

ORIENTATION = 0x112
TURNED_RIGHT = 6
IDS = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=24))


def _gradient(height: int = 24, width: int = 32) -> np.ndarray:
    row, column = np.mgrid[:height, :width]
    return np.stack((row * 5, column * 5, row + column), axis=2).astype(np.uint8)


@given(mask=IDS)
def test_png_round_trip(mask: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A mask is read as it was written; so is an image, in the same order of channels."""
    path = tmp_path_factory.mktemp("png") / "a.png"
    write_png(path, mask)
    assert_array_equal(read_mask(path), mask)
    image = np.stack((mask, mask // 2, mask // 3), axis=2)
    write_png(path, image)
    assert_array_equal(read_image(path), image)
    assert_array_equal(read_stored(path), image)


def test_equal_pixels_give_equal_bytes() -> None:
    """Encoding is a function of the pixels."""
    assert encode_png(_gradient()) == encode_png(_gradient().copy())
    assert encode_jpeg(_gradient(), 95) == encode_jpeg(_gradient().copy(), 95)


def test_jpeg_is_near_the_image(tmp_path: Path) -> None:
    """At high quality a smooth image comes back nearly the same."""
    (tmp_path / "a.jpg").write_bytes(encode_jpeg(_gradient(), 95))
    assert np.abs(read_image(tmp_path / "a.jpg").astype(int) - _gradient()).max() < 12


def test_grey_alpha_and_16_bits_become_rgb(tmp_path: Path) -> None:
    """Grey is repeated, alpha dropped, 16 bits cut to 8; each is (H, W, 3) uint8."""
    grey = _gradient()[:, :, 0]
    Image.fromarray(grey).save(tmp_path / "grey.png")
    Image.fromarray(np.dstack((_gradient(), grey))).save(tmp_path / "rgba.png")
    Image.fromarray(grey.astype(np.uint16) * 256 + 99).save(tmp_path / "deep.png")
    assert_array_equal(read_image(tmp_path / "grey.png"), np.dstack([grey] * 3))
    assert_array_equal(read_image(tmp_path / "rgba.png"), _gradient())
    assert_array_equal(read_image(tmp_path / "deep.png"), np.dstack([grey] * 3))
    assert read_stored(tmp_path / "deep.png").dtype == np.uint16


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_images_are_read_upright(tmp_path: Path, suffix: str) -> None:
    """EXIF's orientation is applied by every way of reading."""
    exif = Image.Exif()
    exif[ORIENTATION] = TURNED_RIGHT
    Image.fromarray(_gradient()).save(tmp_path / f"a{suffix}", exif=exif)
    assert read_image(tmp_path / f"a{suffix}").shape == (32, 24, 3)
    assert read_stored(tmp_path / f"a{suffix}").shape == (32, 24, 3)


def test_a_palette_gives_its_indices_upright(tmp_path: Path) -> None:
    """A palette's PNG is a mask of indices, turned like any other picture."""
    indices = np.arange(12, dtype=np.uint8).reshape(3, 4) % 5
    picture, exif = Image.fromarray(indices, "P"), Image.Exif()
    picture.putpalette(list(range(100, 115)))
    exif[ORIENTATION] = TURNED_RIGHT
    picture.save(tmp_path / "plain.png")
    picture.save(tmp_path / "turned.png", exif=exif)
    assert_array_equal(read_mask(tmp_path / "plain.png"), indices)
    assert_array_equal(read_mask(tmp_path / "turned.png"), np.rot90(indices, -1))


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.98])
def test_a_truncated_picture_is_refused(tmp_path: Path, suffix: str, share: float) -> None:
    """Half a picture is refused, and the message names the file."""
    whole = encode_jpeg(_gradient(), 95) if suffix == ".jpg" else encode_png(_gradient())
    path = tmp_path / f"a{suffix}"
    path.write_bytes(whole[: int(len(whole) * share)])
    for read in (read_image, read_stored, read_mask):
        with pytest.raises(DataError, match=rf"a{suffix}: cannot be decoded .*; export it again"):
            read(path)


def test_a_truncated_palette_is_refused(tmp_path: Path) -> None:
    """Also where Pillow reads it."""
    noise = np.random.default_rng(0).integers(0, 200, (64, 64), np.uint8)
    picture = Image.fromarray(noise, "P")
    picture.putpalette(list(range(200)) * 3)
    picture.save(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:-900])
    with pytest.raises(DataError, match=r"a.png: cannot be decoded"):
        read_mask(tmp_path / "a.png")


def test_files_that_are_no_pictures_are_refused(tmp_path: Path) -> None:
    """A missing, an empty and a text file each have a message of their own."""
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("hello")
    for name, message in (("none", "cannot be read"), ("empty", "is empty"), ("text", "cannot be decoded")):
        with pytest.raises(DataError, match=rf"{name}.png: {message}"):
            read_image(tmp_path / f"{name}.png")


def test_masks_of_other_kinds_are_refused(tmp_path: Path) -> None:
    """Three channels and 16 bits do not keep the contract."""
    write_png(tmp_path / "rgb.png", _gradient())
    Image.fromarray(_gradient()[:, :, 0].astype(np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(DataError, match="mask has 3 channels, expected one"):
        read_mask(tmp_path / "rgb.png")
    with pytest.raises(DataError, match="mask is uint16, expected uint8"):
        read_mask(tmp_path / "deep.png")


def test_a_low_range_is_noticed(tmp_path: Path) -> None:
    """A 12-bit picture stored in 16 bits without scaling would be nearly black."""
    grey = _gradient()[:, :, 0].astype(np.uint16)
    for name, factor in (("low", 10), ("full", 256)):
        Image.fromarray(grey * factor).save(tmp_path / f"{name}.png")
    assert has_low_range(open_picture(tmp_path / "low.png"))
    assert not has_low_range(open_picture(tmp_path / "full.png"))
