"""Tests of the importer of Cityscapes."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from PIL import Image

from pipeline.dataset.contract import list_samples, read_class_list
from pipeline.errors import DataError
from pipeline.importers.annotations.cityscapes import CLASSES, IGNORED
from pipeline.vision.codec import write_png
from tests.formats.small import bring_in, masks_brought_in, shares, write_small

WORDS = ["cityscapes", "cityscapes"]


def _write(split: str, city: str, values: tuple[int, ...] = (7, 8), number: int = 0) -> None:
    stem = Path("cityscapes")
    frame = f"{city}_00000{number}_000019"
    write_png(stem / f"leftImg8bit/{split}/{city}/{frame}_leftImg8bit.png", np.zeros((1, len(values), 3), np.uint8))
    write_png(stem / f"gtFine/{split}/{city}/{frame}_gtFine_labelIds.png", np.array([values], np.uint8))


def test_ids_are_those_of_the_papers_table() -> None:
    """34 label ids: 19 that count, in the order of the train ids, and 15 that do not."""
    assert [id_ for _, id_, _ in CLASSES] == sorted(set(range(34)) - set(IGNORED)) and len(CLASSES) == 19


def test_classes_are_the_label_ids_that_pillow_decodes() -> None:
    """Every pixel is that of a look-up; without a test split, val is it, and the last city of train is val."""
    words, _ = write_small("cityscapes")
    imported = bring_in(words)
    train_id = np.full(256, 255, np.uint8)
    train_id[[id_ for _, id_, _ in CLASSES]] = range(19)
    paths = Path("cityscapes/gtFine").rglob("*.png")
    expected = {path.name: train_id[np.array(Image.open(path))] for path in paths}
    assert_allclose(shares(masks_brought_in()), shares(expected), rtol=0, atol=1e-6)
    assert {sample.group: sample.split for sample in list_samples()} == {"a": "test", "b": "train", "c": "val"}
    assert "no labels of the test split: val is the test split, and of train c are the val split" in imported.notes[0]
    used = np.unique([*expected.values()])[:-1]
    assert read_class_list().names == tuple(CLASSES[id_][0] for id_ in used) and len(used) == 3


def test_published_splits_are_kept_if_test_has_labels() -> None:
    """The group may be a sequence."""
    for split, city in (("train", "aachen"), ("val", "ulm"), ("test", "bonn")):
        _write(split, city)
    bring_in([*WORDS, "--group", "sequence"])
    assert {sample.group: sample.split for sample in list_samples()} == {
        "aachen_000000": "train", "ulm_000000": "val", "bonn_000000": "test",
    }  # fmt: skip


def test_a_test_split_of_dummies_is_left_out() -> None:
    """Its masks are of ignored ids; a table of samples may name the splits."""
    for split, city in (("train", "aachen"), ("train", "bonn"), ("val", "ulm")):
        _write(split, city)
    _write("test", "berlin", (0, 3))
    imported = bring_in(WORDS)
    assert "its 1 images were left out" in imported.notes[0] and imported.num_samples == 3
    Path("data").rename("before")
    Path("s.csv").write_text("name,split\nberlin_000000_000019,val\nulm_000000_000019,test\n")
    assert bring_in([*WORDS, "--samples", "s.csv"]).num_by_split == {"train": 2, "val": 1, "test": 1}


def test_what_cannot_be_split_or_is_not_whole_is_refused() -> None:
    """The message says what to bring."""
    with pytest.raises(DataError, match="is not in Cityscapes' layout, found no leftImg8bit/SPLIT/CITY"):
        bring_in(WORDS)
    _write("train", "aachen")
    with pytest.raises(DataError, match="did you mean cityscapes?"):
        bring_in(["cityscapes", "."])
    with pytest.raises(DataError, match="train has 1 groups and val 0 images; bring both whole, or .* --samples"):
        bring_in(WORDS)
    _write("val", "ulm", (7, 40))
    _write("train", "bonn")
    with pytest.raises(DataError, match="value 40 on 1 pixel is not declared"):
        bring_in(WORDS)
    next(Path("cityscapes/gtFine/train/bonn").iterdir()).unlink()
    with pytest.raises(
        DataError, match="1 of 2 images of train have no .*_gtFine_labelIds.png in gtFine/train: bonn_0"
    ):
        bring_in(WORDS)
