"""Tests of drawing trees, poles and cars."""

import numpy as np
import pytest

from pipeline.importers.demo.canvas import SIZE, VOID, Canvas
from pipeline.importers.demo.layout import CAR, ROAD, TREE, RoadObject
from pipeline.importers.demo.road_objects import draw_car, draw_pole, draw_tree


@pytest.mark.parametrize(("kind", "label"), [("tree", TREE), ("car", CAR), ("pole", VOID)])
def test_an_object_has_its_label_and_no_other(kind: str, label: int) -> None:
    """A tree is tree, a car is car, and a pole, which no class is meant for, is void."""
    canvas = Canvas((0.0, 1.5, 0.0), (SIZE[1], SIZE[0]), ((200, 200, 200), 0.0))
    canvas.labels[:] = ROAD
    item = RoadObject(kind, 1.0, 12.0, 6.0 if kind == "pole" else 1.6, 4.0 if kind == "car" else 0.3, (90, 90, 90), 1)
    if kind == "tree":
        draw_tree(canvas, item, sun=1)
    elif kind == "car":
        draw_car(canvas, item)
    else:
        draw_pole(canvas, item)
    assert set(np.unique(canvas.labels)) == {ROAD, label}


def test_low_poles_may_have_signs() -> None:
    """Among low poles some have a sign, which is void too."""
    canvas = Canvas((0.0, 1.5, 0.0), (SIZE[1], SIZE[0]), ((200, 200, 200), 0.0))
    canvas.labels[:] = ROAD
    for key in range(6):
        draw_pole(canvas, RoadObject("pole", key - 3.0, 12.0, 3.0, 0.1, (90, 90, 90), key))
    assert set(np.unique(canvas.labels)) == {ROAD, VOID}
    assert len(np.unique(canvas.pixels.reshape(-1, 3), axis=0)) > 2
