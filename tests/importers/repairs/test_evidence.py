"""Tests of the advice on masks that fit no kind."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.dataset.contract import ClassList
from pipeline.importers.label_map import Kind, Labels, code_of
from pipeline.importers.repairs.command import Command
from pipeline.importers.repairs.evidence import advise, look_at
from pipeline.importers.repairs.mask_picture import MaskPicture
from pipeline.importers.repairs.repairs import AS_THEY_ARE, Repairs
from tests.importers.awkward_files import COLOURS, smooth, truth

GREY = Labels(Path("c.txt"), ClassList(("sky", "road"), ((0, 0, 0), (9, 9, 9)), 255), {0: 0, 1: 1, 255: 255}, {})
BY_COLOUR = {code_of((r, g, b)): id_ for id_, (r, g, b) in enumerate(COLOURS.tolist())}
COLOURED = Labels(Path("c.csv"), ClassList(("sky", "road", "car"), ((1, 1, 1),) * 3, 255), {0: 0}, BY_COLOUR)


def _import(
    images: str, *, classes: Path, kind: str = "auto", threshold: object = None, nearest_colour: object = None
) -> None:
    """Stands for an importer."""


def _advise(pixels: np.ndarray, labels: Labels, kind: Kind, repairs: Repairs = AS_THEY_ARE) -> str:
    arguments = {"images": "a", "classes": labels.source, "kind": kind, "threshold": None, "nearest_colour": None}
    grey = pixels if pixels.ndim == 2 else None
    mask = MaskPicture(Path("m.png"), grey, grey, np.dstack([pixels] * 3) if pixels.ndim == 2 else pixels)
    text, commands = advise(
        kind, look_at(mask, labels) + look_at(mask, labels), labels, repairs, Command(_import, arguments)
    )
    return "\n".join([text, *commands])


@pytest.mark.parametrize("pixels", [truth(1) * 237, smooth(truth(1) * 237)], ids=["hard", "soft"])
def test_two_grey_values_need_a_threshold(pixels: np.ndarray) -> None:
    """It is the middle of the darkest and the brightest."""
    advice = _advise(pixels, GREY, "index")
    assert "if grey values from 119 on are 'road' and lower ones 'sky'" in advice and advice.endswith("--threshold 119")


@pytest.mark.parametrize("pixels", [truth(1, 3) * 120, truth(1) * 2], ids=["three", "close"])
def test_a_third_value_or_a_low_one_is_a_class_that_is_missing(pixels: np.ndarray) -> None:
    """An area of a value of its own is no edge; a text file cannot hold values, so the advice is a CSV."""
    advice = _advise(pixels.astype(np.uint8), GREY, "index")
    assert "and c.txt declares 0, 1, 255; declare the missing values in c.csv, with the first line name,value" in advice
    assert advice.endswith("--classes c.csv --kind index")


def test_soft_edges_need_the_nearest_colour() -> None:
    """The tolerance is as large as it must be; one that is given and too small is raised."""
    advice = _advise(smooth(COLOURS[truth(1, 3)]), COLOURED, "colour")
    far = np.linalg.norm(COLOURS[1] / 2)
    assert "pixels are up to" in advice and abs(float(advice.rpartition(" ")[2]) - far) <= 10
    advice = _advise(smooth(COLOURS[truth(1, 3)]), COLOURED, "colour", Repairs(nearest_colour=5))
    assert advice.partition(" --kind")[0].partition("--nearest-colour ")[2]


def test_an_area_of_another_colour_is_a_class_that_is_missing() -> None:
    """It must not become the nearest class."""
    pixels = COLOURS[truth(1, 3)].copy()
    pixels[14:20, 2:9] = (10, 250, 10)
    assert "declare the missing colours in c.csv, or correct" in _advise(pixels, COLOURED, "colour")
