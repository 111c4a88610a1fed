"""Tests of the census of a data set."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.dataset.contract import ClassList, Sample, write_contract
from pipeline.errors import DataError
from pipeline.planning.census import take_census
from pipeline.vision.codec import write_png

CLASSES = ClassList(("ground", "box", "never"), ((0, 0, 0), (200, 0, 0), (0, 200, 0)), 255)


def write_masks(folder: Path, masks: dict[str, np.ndarray]) -> Path:
    """A data folder in which the images are black; a name's first letter is its group."""
    samples = []
    for name, mask in masks.items():
        write_png(folder / f"images/{name}.png", np.zeros((*mask.shape, 3), np.uint8))
        write_png(folder / f"masks/{name}.png", mask)
        samples.append(Sample(name, None, None, name[0], ""))
    write_contract(folder, CLASSES, samples)
    return folder


def test_classes_are_counted(tmp_path: Path) -> None:
    """Pixels, images and groups of each class, and of the ignored pixels; an object is not of the largest class."""
    first, second = np.zeros((10, 20), np.uint8), np.zeros((10, 20), np.uint8)
    first[:2, :2], first[4:8, 4:8], second[0] = 1, 1, 255
    census = take_census(write_masks(tmp_path, {"a1": first, "a2": second, "b1": second, "b2": first}))
    rows = {row.name: (round(row.pixel_share, 4), row.num_images, row.num_groups) for row in census.classes}
    assert rows == {"ground": (0.9, 4, 2), "box": (0.05, 2, 2), "never": (0.0, 0, 0), "(ignored)": (0.05, 2, 2)}
    assert census.size == (10, 20) and census.has_groups
    assert 2 <= census.object_px < 4 and round(census.baseline, 4) == 0.4737
    assert [sample.name for sample in census.shown] == ["a1", "a2", "b1", "b2"]
    census.write_classes(tmp_path / "classes.csv")
    assert (tmp_path / "classes.csv").read_text().startswith("name,pixel_share,num_images,num_groups\nground,0.9,4,2")


def test_thin_classes_have_small_objects(tmp_path: Path) -> None:
    """A crack as long as the image is 3 px wide, whatever its area; a small spot beside it changes nothing."""
    mask = np.zeros((200, 200), np.uint8)
    mask[50:53], mask[100:140, 100:140] = 1, 2
    assert 20 < take_census(write_masks(tmp_path / "two", {"a": mask})).object_px < 25
    mask[100:140, 100:140], mask[150:160, 150:160] = 0, 1
    assert take_census(write_masks(tmp_path / "one", {"a": mask})).object_px == 3


def test_without_objects_the_image_is_one(tmp_path: Path) -> None:
    """A data set of one class has no smallest object."""
    census = take_census(write_masks(tmp_path, {"a": np.zeros((10, 20), np.uint8)}))
    assert census.object_px == 10 and census.baseline == 1.0 and not census.has_groups


def test_no_masks_are_refused(tmp_path: Path) -> None:
    """There is nothing to count."""
    write_masks(tmp_path, {"a": np.zeros((4, 4), np.uint8)})
    (tmp_path / "masks/a.png").unlink()
    with pytest.raises(DataError, match="has no masks; bring labelled images in with `segline import`"):
        take_census(tmp_path)


def test_each_class_is_shown(tmp_path: Path) -> None:
    """Of many images, that with the most of a rare class is among the eight."""
    masks = {f"m{index:02}": np.zeros((8, 8), np.uint8) for index in range(40)}
    masks["m17"][:2] = 1
    assert "m17" in [sample.name for sample in take_census(write_masks(tmp_path, masks)).shown]
