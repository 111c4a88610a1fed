"""Tests of opening pictures with Pillow."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from pipeline.errors import DataError
from pipeline.importers.repairs.opened import ChoiceError, open_file, opened, pages_of, read_header, read_page
from pipeline.vision.codec import read_image
from tests.importers.awkward_files import ORIENTATION, image, save, truth


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
def test_the_size_is_that_of_the_decoded_image(tmp_path: Path, orientation: int, suffix: str) -> None:
    """Upright, in every format that holds an orientation."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    save(tmp_path / f"a.{suffix}", image(1), exif=exif)
    header = read_header(open_file(tmp_path / f"a.{suffix}"))
    assert header.size == read_image(tmp_path / f"a.{suffix}").shape[:2]
    assert header.stored_size == (24, 32) and header.orientation == orientation and header.num_pages == 1


def test_one_of_several_pages_is_read(tmp_path: Path) -> None:
    """If it is named and there."""
    save(tmp_path / "a.tif", truth(1), save_all=True, append_images=[Image.fromarray(truth(2))])
    picture = open_file(tmp_path / "a.tif")
    with opened(picture) as tiff:
        assert pages_of(tiff) == [0, 1]
        assert_array_equal(np.asarray(read_page(tiff, 2, picture.path)), truth(2))
        for page in (None, 3):
            with pytest.raises(ChoiceError, match="a.tif: has 2 pages or frames"):
                read_page(tiff, page, picture.path)
    assert read_header(picture).num_pages == 2


def test_smaller_copies_are_no_pages(tmp_path: Path) -> None:
    """As in a geographic TIFF with overviews."""
    small = Image.fromarray(truth(1)[::2, ::2])
    small.encoderinfo = {"tiffinfo": {254: 1}}
    Image.fromarray(truth(1)).save(tmp_path / "a.tif", save_all=True, append_images=[small])
    with Image.open(tmp_path / "a.tif") as tiff:
        tiff.seek(1)
        assert tiff.size == small.size and tiff.tag_v2[254] == 1  # type: ignore[attr-defined]
    assert read_header(open_file(tmp_path / "a.tif")).num_pages == 1


def test_a_gif_is_opened_like_other_pictures(tmp_path: Path) -> None:
    """What is none is refused."""
    save(tmp_path / "a.gif", truth(1))
    assert read_header(open_file(tmp_path / "a.gif"))[:3] == ("GIF", "P", (24, 32))
    (tmp_path / "a.gif").write_bytes(b"GIF")
    with pytest.raises(DataError, match="a.gif: cannot be decoded"):
        open_file(tmp_path / "a.gif")
