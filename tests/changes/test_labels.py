"""Tests of pipeline/changes/labels.py."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.changes.labels import IGNORED, OTHER_SIZE, ClassPixels, Relabelling, compare_labels, read_meanings
from pipeline.changes.labels import relabel as compare_masks
from pipeline.changes.pairs import Pair, Pairs, pair_samples
from pipeline.changes.snapshot import Labelled, Snapshot
from pipeline.dataset.contract import ClassList
from pipeline.errors import StageError
from pipeline.vision.codec import write_png
from tests.changes.two_versions import ids

CLASSES = ClassList(("sky", "road", "car"), ((0, 0, 0), (1, 1, 1), (2, 2, 2)), 255)
SWAPPED = ClassList(("road", "sky", "car"), ((1, 1, 1), (0, 0, 0), (2, 2, 2)), 255)
PAIR = Pair("a", "a")


def write(path: Path, mask: np.ndarray, grey: int = 7) -> Labelled:
    """A sample on the disk, whose image is of one grey; the MD5s are the content."""
    write_png(path / "mask.png", mask)
    write_png(path / "image.png", np.full((*mask.shape, 3), grey, np.uint8))
    return Labelled(path / "image.png", path / "mask.png", str(grey), str(mask.tolist()), "g", "train", False)


def compare(path: Path, was: np.ndarray, is_now: np.ndarray, now: ClassList = CLASSES) -> tuple[Relabelling, ...]:
    """The relabellings of a data set of one sample."""
    before = Snapshot("1", CLASSES, {"a": write(path / "1", was)})
    after = Snapshot("2", now, {"a": write(path / "2", is_now)})
    return compare_labels(before, after, pair_samples(before, after)).relabelled


def test_a_relabelling_counts_pixels_and_names_the_largest_pair(tmp_path: Path) -> None:
    """A pixel that is ignored now has changed, too."""
    found = compare(tmp_path, ids([0, 0, 0, 1], [1, 1, 2, 2]), ids([1, 1, 0, 255], [1, 1, 2, 2]))
    assert found == (Relabelling(PAIR, 3, 3 / 8, "sky", "road"),)
    assert not compare(tmp_path, ids([0, 0]), ids([0, 0]))


def test_classes_are_compared_by_name(tmp_path: Path) -> None:
    """New ids with new masks relabel nothing; new ids without new masks relabel every pixel of these classes."""
    assert not compare(tmp_path, ids([0, 0, 1, 2]), ids([1, 1, 0, 2]), SWAPPED)
    assert compare(tmp_path, ids([0, 0, 1, 2]), ids([0, 0, 1, 2]), SWAPPED) == (
        Relabelling(PAIR, 3, 0.75, "sky", "road"),
    )


def test_a_mask_of_another_size_is_relabelled_as_a_whole() -> None:
    """Pixels cannot be paired."""
    assert compare_masks(PAIR, ids([0, 0]), ids([0]), read_meanings(CLASSES, CLASSES)) == Relabelling(
        PAIR, 1, 1.0, *2 * (OTHER_SIZE,)
    )


def test_pixels_of_the_classes_in_both_versions(tmp_path: Path) -> None:
    """Of all masks, those of a removed and of an added sample too; a renamed class is one row."""
    now = ClassList(("sky", "street"), ((0, 0, 0), (1, 1, 1)), 255)
    old = {"a": write(tmp_path / "1", ids([0, 1, 2])), "b": write(tmp_path / "2", ids([2, 255]), 8)}
    new = {"a": write(tmp_path / "3", ids([0, 1, 1])), "c": write(tmp_path / "4", ids([0, 0, 0]), 9)}
    before, after = Snapshot("1", CLASSES, old), Snapshot("2", now, new)
    labels = compare_labels(before, after, pair_samples(before, after))
    assert labels.classes == (
        ClassPixels("sky", "", 1, 4),
        ClassPixels("street", "renamed, was road", 1, 2),
        ClassPixels("car", "removed", 2, 0),
        ClassPixels(IGNORED, "", 1, 0),
    )
    assert [one.before for one in labels.relabelled] == ["car"]


def test_an_image_is_another_by_its_pixels(tmp_path: Path) -> None:
    """A file that was written again is not; labels on another image are not compared."""
    before = Snapshot(
        "1", CLASSES, {"a": write(tmp_path / "1", ids([0, 0]), 1), "b": write(tmp_path / "2", ids([0]), 2)}
    )
    again = replace(write(tmp_path / "4", ids([1]), 2), image_md5="of other bytes")
    after = Snapshot("2", CLASSES, {"a": write(tmp_path / "3", ids([0, 1]), 3), "b": again})
    labels = compare_labels(before, after, pair_samples(before, after))
    assert labels.other_images == (PAIR,) and [one.pair.name for one in labels.relabelled] == ["b"]


def test_masks_that_are_not_in_the_cache_are_counted(tmp_path: Path) -> None:
    """The message says what fetches them; a mask that did not change is read where it is now."""
    before = Snapshot("1", CLASSES, {"a": write(tmp_path / "1", ids([0]))})
    after = Snapshot("2", CLASSES, {"a": write(tmp_path / "2", ids([0]))})
    (tmp_path / "1/mask.png").unlink()
    assert not compare_labels(before, after, Pairs((PAIR,), (), ())).relabelled
    after = Snapshot("2", CLASSES, {"a": write(tmp_path / "2", ids([1]))})
    with pytest.raises(StageError, match="1 of 1 masks of the former version are not in DVC's cache; `dvc fetch"):
        compare_labels(before, after, Pairs((PAIR,), (), ()))
