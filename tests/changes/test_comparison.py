"""Tests of pipeline/changes/comparison.py, with DVC itself."""

import shutil
from pathlib import Path

import pytest

from pipeline.changes.comparison import Change, compare_versions
from pipeline.disk.records import read_cells
from tests.changes.two_versions import commit_data, read_both, relabel

pytestmark = pytest.mark.services


def test_equal_versions_have_no_changes(project: Path) -> None:
    """Shares are the same, and add up to 1."""
    commit_data(project)
    comparison = compare_versions(*read_both())
    assert not comparison.changes and comparison.before == comparison.after
    assert all(row.share_before == row.share_after and not row.change for row in comparison.classes)
    assert sum(row.share_after for row in comparison.classes) == pytest.approx(1)


def test_each_kind_of_change_is_a_row(project: Path) -> None:
    """Rows have class names, sample names or splits before and after, and what does not apply is empty."""
    commit_data(project)
    for side in ("images", "masks"):
        shutil.move(f"data/{side}/s000.png", f"data/{side}/new name.png")
        Path(f"data/{side}/s001.png").unlink()
    shutil.copy("data/images/s003.png", "data/images/s002.png")
    relabel("s006", rows=1)
    table = Path("data/samples.csv").read_text().replace("s000,s000,train\ns001,s001,train\n", "")
    Path("data/samples.csv").write_text(table.replace("s007,s007,test", "s007,s007,train") + "new name,s000,val\n")
    comparison = compare_versions(*read_both())
    relabelled = next(one for one in comparison.changes if one.change == "relabelled")
    assert comparison.changes == (
        Change("removed", "s001", "train"),
        Change("other image", "s002", "train"),
        relabelled,
        Change("renamed", "new name", "val", "s000", "new name"),
        Change("moved group", "s000", "", "train", "val"),
        Change("moved group", "s007", "", "test", "train"),
    )
    assert (relabelled.name, relabelled.split, relabelled.after) == ("s006", "test", "sign")
    assert 0 < (relabelled.num_pixels or 0) <= 56 and relabelled.pixel_share == (relabelled.num_pixels or 0) / (40 * 56)
    comparison.write(Path("out"))
    rows = [cells for _, cells in read_cells(Path("out/changes.csv"), "diff")]
    assert rows[0] | {"name": ""} == dict.fromkeys(rows[0], "") | {"change": "removed", "split": "train"}
    assert [cells["name"] for _, cells in read_cells(Path("out/classes.csv"), "diff")][-1] == "(ignored)"
