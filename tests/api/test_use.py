"""Tests of segline/use.py: each function by its name in the package."""

from pathlib import Path

import numpy as np
import pytest

import segline
from pipeline.vision.codec import read_mask, write_png
from tests.contest import ROAD
from tests.finished_project import tiny_model

pytestmark = pytest.mark.services


@pytest.mark.e2e
def test_a_folder_is_predicted(contest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The folder of a model will do; an image that cannot be read is in the summary and raises nothing."""
    write_png(contest / "photos/a.png", np.zeros((6, 9, 3), np.uint8))
    (contest / "photos/b.png").write_bytes(b"no image")
    summary = segline.predict(str(tiny_model(ROAD)), "photos", "out")
    assert summary.num_images == 1 and [path.name for path, _ in summary.failed] == ["b.png"]
    assert (read_mask(Path("out/masks/a.png")) == ROAD).all()
    assert "masks in" not in capsys.readouterr().out


@pytest.mark.e2e
def test_images_to_label_are_suggested(contest: Path) -> None:
    """In a project; without a group each image is one of its own."""
    model = str(tiny_model(ROAD))
    write_png(contest / "photos/a.png", np.zeros((6, 9, 3), np.uint8))
    result = segline.suggest(1, "photos", "out", model=model)
    assert [one.candidate.name for one in result.suggestions] == ["a"]
    assert (read_mask(Path("out/masks/a.png")) == ROAD).all()
