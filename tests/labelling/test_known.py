"""Tests of what is in the data set already."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.dataset.contract import ClassList, Sample, write_contract
from pipeline.dataset.splits import split_of
from pipeline.disk.files import md5_of
from pipeline.labelling.known import read_known
from pipeline.vision.codec import read_image, write_png

CLASSES = ClassList(("sky", "road"), ((0, 0, 255), (90, 90, 90)), 255)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two images, one frozen as test, and one that is damaged."""
    random = np.random.default_rng(0)
    for name in "ab":
        write_png(tmp_path / f"images/{name}.png", random.integers(0, 255, (9, 9, 3), np.uint8))
    (tmp_path / "images/c.png").write_bytes(b"no picture")
    names = [("a", "one", "test"), ("b", "two", "train")]
    write_contract(tmp_path, CLASSES, [Sample(name, None, None, group, split) for name, group, split in names])
    return tmp_path


def test_images_are_known_by_bytes_and_nearly(data: Path) -> None:
    """A lighter image is nearly the same one, another and a flat one are not; without bits only bytes count."""
    known = read_known(data, 0.2, 0.2, 4)
    image = read_image(data / "images/a.png")
    assert known.md5s == {md5_of(data / f"images/{name}.png") for name in "ab"}
    assert known.has_like(image // 2 + 100) and not known.has_like(image[::-1])
    assert not known.has_like(np.zeros((9, 9, 3), np.uint8))
    assert not read_known(data, 0.2, 0.2, None).has_like(image)


def test_groups_are_in_the_split_that_the_data_have(data: Path) -> None:
    """Frozen splits go before the hash of the name, which places new groups."""
    known = read_known(data, 0.0, 0.99, 4)
    assert known.is_test("one") and not known.is_test("two")
    assert split_of("two", 0.0, 0.99) == "test" and known.is_test("four")
    assert not read_known(data, 0.2, 0.0, 4).is_test("four")
