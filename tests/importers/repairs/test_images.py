"""Tests of bringing images into the data set's formats."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from pipeline.dataset.contract import Sample
from pipeline.errors import DataError
from pipeline.importers.repairs.images import bring_image, format_to_convert
from pipeline.importers.repairs.opened import open_file, read_header
from pipeline.vision.codec import read_image
from tests.importers.awkward_files import image, save, turned


def _bring(folder: Path, path: Path) -> Path:
    (folder / "images").mkdir()
    assert bring_image(folder, Sample("a", path, None, "a", ""), 2) == (24, 32)
    (written,) = (folder / "images").iterdir()
    return written


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
def test_an_image_is_copied(tmp_path: Path, suffix: str) -> None:
    """Byte for byte."""
    save(tmp_path / f"x{suffix}", image(1))
    assert _bring(tmp_path, tmp_path / f"x{suffix}").read_bytes() == (tmp_path / f"x{suffix}").read_bytes()
    assert format_to_convert(read_header(open_file(tmp_path / f"x{suffix}"))) == ""


def test_what_the_contract_does_not_know_becomes_a_png(tmp_path: Path) -> None:
    """GIF, CMYK of a JPEG and the page of several, as Pillow decodes them."""
    cmyk = Image.fromarray(image(1)).convert("CMYK")
    pages = [Image.fromarray(image(number)) for number in (1, 2)]
    for name, picture, options in (
        ("a.gif", pages[0], {}),
        ("b.jpg", cmyk, {}),
        ("c.tif", pages[0], {"save_all": True, "append_images": pages[1:]}),
    ):
        save(tmp_path / name, picture, **options)
        (tmp_path / name[0]).mkdir()
        written = _bring(tmp_path / name[0], tmp_path / name)
        with Image.open(tmp_path / name) as opened:
            opened.seek(1 if name == "c.tif" else 0)
            assert_array_equal(read_image(written), np.asarray(opened.convert("RGB")))
        assert written.suffix == ".png" and format_to_convert(read_header(open_file(tmp_path / name)))


def test_an_orientation_stays_in_the_file(tmp_path: Path) -> None:
    """A copy is as it was; the size is the upright one."""
    turned(6)(tmp_path / "x.jpg", image(1))
    assert _bring(tmp_path, tmp_path / "x.jpg").read_bytes() == (tmp_path / "x.jpg").read_bytes()


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    """Before anything is written."""
    (tmp_path / "x.gif").write_bytes(b"GIF89a")
    with pytest.raises(DataError, match="x.gif: cannot be decoded"):
        bring_image(tmp_path, Sample("a", tmp_path / "x.gif", None, "a", ""), None)
