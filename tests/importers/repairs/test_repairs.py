"""Tests of repairs that fit each other."""

from pathlib import Path

import pytest

from pipeline.dataset.contract import ClassList
from pipeline.errors import DataError
from pipeline.importers.label_map import Kind, Labels
from pipeline.importers.repairs.repairs import AS_THEY_ARE, Repairs, check_repairs, wanted_kinds

TWO = Labels(Path("c.csv"), ClassList(("a", "b"), ((0, 0, 0), (1, 1, 1)), 255), {0: 0, 1: 1, 255: 255}, {})
VOID = Labels(TWO.source, TWO.classes, {0: 0, 1: 1, 128: 255, 255: 255}, {})
ONE = Labels(TWO.source, ClassList(("a",), ((0, 0, 0),), 255), {0: 0, 255: 255}, {})


@pytest.mark.parametrize(
    ("repairs", "labels", "kind", "says"),
    [
        (Repairs(page=0), TWO, "auto", "page is 0, expected 1 or more"),
        (Repairs(threshold=1), ONE, "auto", "c.csv: declares 1 classes; --threshold needs two"),
        (Repairs(invert=True), ONE, "auto", "c.csv: declares 1 classes; --invert needs two"),
        (Repairs(threshold=1), TWO, "index", "--threshold makes binary masks of grey ones"),
        (Repairs(threshold=1, nearest_colour=1), TWO, "auto", "--threshold makes binary masks of grey ones"),
        (Repairs(threshold=1), VOID, "auto", "value 128 is ignored, which --threshold makes a class"),
        (Repairs(nearest_colour=0), TWO, "auto", "nearest_colour is 0, expected a distance above 0, at most 442"),
        (Repairs(nearest_colour=float("nan")), TWO, "auto", "nearest_colour is nan, expected a distance"),
        (Repairs(nearest_colour=9), TWO, "index", "--nearest-colour reads masks as colours, not as --kind index"),
    ],
)
def test_repairs_that_contradict_are_refused(repairs: Repairs, labels: Labels, kind: Kind, says: str) -> None:
    """Before a file is read."""
    with pytest.raises(DataError, match=says):
        check_repairs(repairs, labels, kind)


def test_a_repair_says_how_masks_are_read() -> None:
    """Without one any kind is possible."""
    check_repairs(AS_THEY_ARE, ONE, "auto")
    assert wanted_kinds(Repairs(threshold=1), ["index"]) == ["binary"]
    assert wanted_kinds(Repairs(nearest_colour=1), ["index"]) == ["colour"]
    assert wanted_kinds(AS_THEY_ARE, ["index"]) == ["index"]
