"""Tests of what masks hold, and of what `validate` would refuse in them."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.dataset.contract import ClassList, Sample
from pipeline.errors import DataError
from pipeline.importers.label_map import Labels
from pipeline.importers.repairs.command import Command
from pipeline.importers.repairs.tally import MAX_IGNORED_SHARE, Tally, drop_unused, note_like_binary, skip_unlabelled
from pipeline.params import read_params

ROOT = Path(__file__).parents[3]
LABELS = Labels(
    Path("c.csv"), ClassList(("a", "b", "c"), ((0, 0, 0), (1, 1, 1), (2, 2, 2)), 255), {0: 0, 7: 1, 9: 2, 255: 255}, {}
)


def _import(images: str, *, kind: str = "auto", unlabelled: str = "refuse", unused_classes: str = "refuse") -> None:
    """Stands for an importer."""


COMMAND = Command(_import, {"images": "x", "kind": "auto", "unlabelled": "refuse", "unused_classes": "refuse"})


def _tally(*masks: dict[int, int]) -> Tally:
    tally = Tally()
    for number, mask in enumerate(masks):
        tally.add(Path(f"{number}.png"), np.bincount(list(mask), list(mask.values()), 256).astype(np.int64), 0)
    return tally


def _samples(number: int) -> list[Sample]:
    return [Sample(f"{place}", None, Path(f"{place}.png"), "", "") for place in range(number)]


def test_masks_without_labels_are_left_out() -> None:
    """If one says so, and if a mask is left."""
    tally = _tally({0: 9, 1: 9}, {0: 4, 255: 96})
    with pytest.raises(DataError, match="1 mask of 2 are ignored on more than 95% .*: 1.png; .*\n.*unlabelled skip$"):
        skip_unlabelled(_samples(2), tally, "refuse", COMMAND)
    left, notes = skip_unlabelled(_samples(2), tally, "skip", COMMAND)
    assert [sample.name for sample in left] == ["0"]
    assert notes == ["images left out because their masks are ignored nearly everywhere: 1"]
    with pytest.raises(DataError, match="1 mask of 1 are ignored"):
        skip_unlabelled(_samples(1), _tally({255: 5}), "skip", COMMAND)
    assert read_params(ROOT / "params.yaml").validate_.max_ignored_share == MAX_IGNORED_SHARE


def test_masks_of_0_and_255_are_named() -> None:
    """If there are others, a note names the param; if there are none, they are refused."""
    (note,) = note_like_binary(_tally({0: 5, 1: 5, 255: 1}, {0: 5, 255: 5}), LABELS, COMMAND)
    assert "masks of 0 and 255: 1.png; if they are right, set validate.binary_looking_masks" in note
    assert note_like_binary(_tally({0: 5, 1: 5, 255: 90}, {0: 5, 255: 5}), LABELS, COMMAND) == []
    with pytest.raises(DataError, match=r"1 mask hold 'a' and ignored pixels alone: 0.png; .* as `value: 255`"):
        note_like_binary(_tally({0: 5, 255: 5}), LABELS, COMMAND)
    two = Labels(LABELS.source, ClassList(("a", "b"), ((0, 0, 0), (1, 1, 1)), 255), {}, {})
    with pytest.raises(DataError, match=r"read the masks as binary\nrun: .*--kind binary$"):
        note_like_binary(_tally({0: 5, 255: 5}), two, COMMAND)


def test_classes_without_pixels_are_dropped() -> None:
    """The others move up; one class alone teaches nothing."""
    tally = _tally({0: 5, 2: 5})
    with pytest.raises(DataError, match=r"1 of 3 classes are in no mask, .*: b; .*\n.*--unused-classes drop$"):
        drop_unused(LABELS, tally, "refuse", COMMAND)
    labels, notes = drop_unused(LABELS, tally, "drop", COMMAND)
    assert labels.classes.names == ("a", "c") and labels.by_value == {0: 0, 7: 255, 9: 1, 255: 255}
    assert notes == ["classes that no mask holds were dropped, the others have new ids: b"]
    assert drop_unused(LABELS, _tally({0: 1, 1: 1, 2: 1}), "refuse", COMMAND) == (LABELS, [])
    with pytest.raises(DataError, match="2 of 3 classes are in no mask"):
        drop_unused(LABELS, _tally({0: 5}), "drop", COMMAND)
