"""Tests of the sheet of overlays."""

from pathlib import Path

import numpy as np

from pipeline.dataset.contract import ClassList, list_samples
from pipeline.planning.sheet import write_sheet
from pipeline.vision.codec import read_image
from tests.planning.test_census import write_masks

CLASSES = ClassList(("ground", "b\u00f6x", "never"), ((0, 0, 0), (200, 0, 0), (0, 200, 0)), 255)


def test_a_sheet_shows_masks_and_names(tmp_path: Path) -> None:
    """The right half of a mask is red on the sheet, the ignored part shows the black image, green is in the legend."""
    mask = np.zeros((40, 80), np.uint8)
    mask[:, 40:], mask[20:] = 1, 255
    write_masks(tmp_path, dict.fromkeys("abcde", mask))
    write_sheet(tmp_path / "sheet.jpg", list_samples(tmp_path), CLASSES)
    sheet = read_image(tmp_path / "sheet.jpg").astype(int)
    assert sheet.shape == (2 * 210 + 20, 4 * 280, 3)
    assert sheet[30, 200, 0] > 90 and sheet[30, 200, 1:].max() < 40
    assert sheet[90, 200].max() < 30 and sheet[200, 100].min() > 240
    assert sheet[430, 2 * 280 + 8, 1] > 150
