"""Tests of pipeline/changes/frozen_test.py, with DVC itself."""

import shutil
from pathlib import Path

import pytest
from PIL import Image

from pipeline.changes.frozen_test import FrozenTest, compare_frozen_test
from pipeline.disk.files import remove
from tests.changes.two_versions import commit_data, labelled, read_both, relabel, snapshot

pytestmark = pytest.mark.services


def write_again(path: Path) -> None:
    """Writes the same pixels in other bytes."""
    with Image.open(path) as opened:
        opened.load()
        opened.save(path, compress_level=0)


def test_other_labels_and_samples_that_left_are_named(project: Path) -> None:
    """A renamed sample, pixels in other bytes, new samples and other splits are no difference of the test split."""
    commit_data(project)
    assert compare_frozen_test(*read_both()) == FrozenTest((), ())
    for name in ("s000", "s003"):
        relabel(name)
    for side in ("images", "masks"):
        write_again(Path(f"data/{side}/s006.png"))
        shutil.move(f"data/{side}/s007.png", f"data/{side}/renamed.png")
    table = Path("data/samples.csv").read_text().replace("s007,s007,test", "renamed,s007,test")
    Path("data/samples.csv").write_text(table)
    assert compare_frozen_test(*read_both()) == FrozenTest((), ())
    relabel("renamed")
    Path("data/samples.csv").write_text(table.replace("s008,s008,test", "s008,s008,val"))
    assert compare_frozen_test(*read_both()) == FrozenTest(("renamed",), ("s008",))


def test_labels_that_cannot_be_read_count_as_others(project: Path) -> None:
    """DVC's cache may lack the former mask."""
    commit_data(project)
    write_again(Path("data/masks/s006.png"))
    before, after = read_both()
    remove(before.samples["s006"].mask or Path())
    assert compare_frozen_test(before, after) == FrozenTest(("s006",), ())


def test_a_split_by_hash_is_not_frozen() -> None:
    """Its labels may change, and its samples may go; a frozen one that has gone is named by its former name."""
    before = snapshot(a=labelled("A", "1", "test", is_frozen=False), b=labelled("B", "1", "test"))
    assert compare_frozen_test(before, snapshot()) == FrozenTest((), ("b",))
