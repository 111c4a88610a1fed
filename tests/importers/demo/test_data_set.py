"""Tests of the importer of the demo."""

from pathlib import Path

import pytest

from pipeline.errors import DataError
from pipeline.importers.demo.data_set import demo
from pipeline.importers.demo.scenes import CLASSES, STREETS, draw_scene
from pipeline.vision.codec import read_mask


def test_streets_take_turns(tmp_path: Path) -> None:
    """The first 24 images are of 24 streets, the next is the second frame of the first street; a group is a street."""
    source = demo(seed=3, num_images=25)
    assert source.classes == CLASSES and len(source.samples) == 25
    assert [sample.name for sample in source.samples[:3]] == ["abbey_000", "abbey_001", "birch_000"]
    assert {sample.group for sample in source.samples} == set(STREETS)
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    source.write(tmp_path, source.samples[1])
    assert (read_mask(tmp_path / "masks/abbey_001.png") == draw_scene(3, "abbey", 1)[1]).all()
    assert (tmp_path / "images/abbey_001.jpg").exists()


def test_a_demo_without_images_is_refused() -> None:
    """The message has the number."""
    with pytest.raises(DataError, match="num_images is 0, expected at least 1"):
        demo(num_images=0)
