"""Tests of pipeline/changes/sheet.py, with DVC itself."""

from pathlib import Path

import pytest

from pipeline.changes.comparison import compare_versions
from pipeline.changes.sheet import NUM_SHOWN, write_sheet
from pipeline.vision.codec import read_image
from tests.changes.two_versions import commit_data, read_both, relabel

pytestmark = pytest.mark.services


def test_the_largest_relabellings_are_shown(project: Path) -> None:
    """Eight rows of four panels; in the largest one, at the top, the lower ten rows of pixels are red in the last."""
    commit_data(project)
    for index in range(9):
        relabel(f"s{index:03}", rows=10 if index == 5 else 1)
    before, after = read_both()
    labels = compare_versions(before, after).labels
    write_sheet(project / "sheet.jpg", labels.relabelled, before, after)
    sheet = read_image(project / "sheet.jpg").astype(int)
    assert sheet.shape == (NUM_SHOWN * (20 + 40), 640, 3)
    left = 3 * (56 + 6)
    red = sheet[20:60, left : left + 56]
    assert red[33:38, :, 0].mean() > 180 > 90 > red[33:38, :, 1].mean() and red[10:25, :, 1].mean() > 110
