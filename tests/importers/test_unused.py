"""Classes that no mask holds."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from pipeline.dataset.contract import ClassList
from pipeline.importers.unused import drop_unused_classes
from pipeline.vision.codec import read_mask, write_png

CLASSES = ClassList(("sky", "road", "car", "train"), ((9, 9, 9), (1, 1, 1), (2, 2, 2), (3, 3, 3)), 255)


def test_they_are_left_out_and_the_others_have_new_ids(tmp_path: Path) -> None:
    """Names and colours go with them; ignored pixels stay; the note names those that went."""
    masks = {"a": [[0, 2, 255]], "b": [[2, 2, 2]]}
    for name, mask in masks.items():
        write_png(tmp_path / f"{name}.png", np.array(mask, np.uint8))
    classes, (note,) = drop_unused_classes(tmp_path, CLASSES)
    assert classes == ClassList(("sky", "car"), ((9, 9, 9), (2, 2, 2)), 255)
    assert note == "classes that no mask holds were left out, the others have new ids: road, train"
    assert_array_equal(read_mask(tmp_path / "a.png"), [[0, 1, 255]])
    assert_array_equal(read_mask(tmp_path / "b.png"), [[1, 1, 1]])


@pytest.mark.parametrize("mask", [[0, 1, 2, 3], [2, 255, 255, 255], [255, 255, 255, 255]])
def test_all_stay_if_each_is_there_or_only_one_would_be_left(tmp_path: Path, mask: list[int]) -> None:
    """The masks keep their bytes."""
    write_png(tmp_path / "a.png", np.array([mask], np.uint8))
    before = (tmp_path / "a.png").read_bytes()
    assert drop_unused_classes(tmp_path, CLASSES) == (CLASSES, [])
    assert (tmp_path / "a.png").read_bytes() == before
