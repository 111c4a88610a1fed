"""Tests of writing a sample into a new data folder."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from pipeline.dataset.contract import Sample
from pipeline.errors import DataError
from pipeline.importers.source import copy_image, write_content, write_mask
from pipeline.vision.codec import encode_jpeg, read_mask


def _sample(tmp_path: Path, content: bytes) -> Sample:
    (tmp_path / "images").mkdir()
    (tmp_path / "photo.JPG").write_bytes(content)
    return Sample("north__a", tmp_path / "photo.JPG", None, "north", "")


def test_an_image_keeps_bytes_and_suffix(tmp_path: Path) -> None:
    """The size is (height, width)."""
    content = encode_jpeg(np.full((6, 8, 3), 90, np.uint8), 90)
    assert copy_image(tmp_path, _sample(tmp_path, content)) == (6, 8)
    assert (tmp_path / "images/north__a.JPG").read_bytes() == content


def test_a_file_that_is_no_picture_is_not_copied(tmp_path: Path) -> None:
    """It is decoded first."""
    with pytest.raises(DataError, match=r"photo.JPG: cannot be decoded"):
        copy_image(tmp_path, _sample(tmp_path, b"SECRET=1"))
    assert not list((tmp_path / "images").iterdir())


def test_a_mask_is_written_under_the_name_of_its_sample(tmp_path: Path) -> None:
    """Ids come back as they are."""
    (tmp_path / "masks").mkdir()
    mask = np.array([[0, 1, 255]], np.uint8)
    write_mask(tmp_path, Sample("a", None, None, "a", ""), mask)
    assert_array_equal(read_mask(tmp_path / "masks/a.png"), mask)


def test_content_is_written_with_the_suffix_of_its_format(tmp_path: Path) -> None:
    """As it is; what is no picture is not written."""
    content = encode_jpeg(np.full((6, 8, 3), 90, np.uint8), 90)
    sample = _sample(tmp_path, b"")
    assert write_content(tmp_path, sample, content) == (6, 8)
    assert (tmp_path / "images/north__a.jpg").read_bytes() == content
    with pytest.raises(DataError, match="photo.JPG: cannot be decoded"):
        write_content(tmp_path, sample, b"SECRET=1")
