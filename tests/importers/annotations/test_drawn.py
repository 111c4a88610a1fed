"""Tests of sources whose masks are drawn; the importers' own tests draw."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.errors import DataError
from pipeline.importers.annotations.drawn import Area, Choices, Drawing, declare, examples, from_drawings
from pipeline.importers.source import Source
from pipeline.vision.codec import write_png

WHERE, IMAGES = Path("a.json"), Path("images")
CHOICES = Choices("background", "refuse", "refuse", "", None)
ALL = Area("dog", lambda height, width: ((slice(None), slice(None)), np.ones((height, width), bool)))


@pytest.fixture(autouse=True)
def _images(_in_an_empty_folder: None) -> None:
    WHERE.touch()
    for name in ("a_1", "sub/b_1"):
        write_png(IMAGES / f"{name}.png", np.full((4, 6, 3), 90, np.uint8))


def _source(*drawings: Drawing, **choices: Any) -> Source:
    labels = declare(WHERE, ["dog"], "background")
    return from_drawings(WHERE, drawings, labels, IMAGES, Choices(**vars(CHOICES) | choices))


def test_labels_lie_behind_the_background() -> None:
    """Unless it is one of them, or there is none; ignored labels have no id."""
    assert declare(WHERE, ["b", "a"], "rest").classes.names == ("rest", "b", "a")
    assert declare(WHERE, ["b", "a"], "a").classes.names == declare(WHERE, ["b", "a"], "").classes.names == ("b", "a")
    assert declare(WHERE, ["b", "void"], "b").ignored == ("void",)
    Path("c.txt").write_text("a\nb\n")
    assert declare(WHERE, [], "b", Path("c.txt")).classes.names == ("a", "b")
    with pytest.raises(DataError, match="c.txt: declares no class 'rest' for the pixels outside .* '' to ignore"):
        declare(WHERE, [], "rest", Path("c.txt"))


def test_a_table_goes_before_an_expression_and_this_before_the_file() -> None:
    """Of groups and splits; pictures that are not named are counted."""
    drawing = Drawing("a_1.png", [ALL], group="task 1", split="val")
    source = _source(drawing)
    assert [(s.group, s.split) for s in source.samples] == [("task 1", "val")]
    assert "pictures in images that a.json does not name were left out: 1" in source.notes
    assert _source(drawing, group="^(.)_").samples[0].group == "a"
    Path("s.csv").write_text("name,group,split\na_1,x,test\n")
    sample = _source(drawing, group="^(.)_", samples=Path("s.csv")).samples[0]
    assert (sample.group, sample.split) == ("x", "test")


def test_missing_images_are_counted_and_may_be_left_out() -> None:
    """The message has three examples; if all are missing, the folder is wrong."""
    drawings = [Drawing("a_1.png", [ALL]), *(Drawing(f"{number}.png", [ALL]) for number in range(5))]
    with pytest.raises(
        DataError, match=r"5 of 6 images are not below images: 0.png, 1.png, 2.png and 2 more; put them"
    ):
        _source(*drawings)
    assert "images that are not there were left out: 5" in _source(*drawings, missing="skip").notes
    with pytest.raises(DataError, match="or correct the folder"):
        _source(*drawings[1:], missing="skip")


def test_an_image_is_described_once() -> None:
    """Two entries would draw over each other."""
    with pytest.raises(DataError, match="describes the image sub/b_1.png twice, as 'b_1.png' and as 'x/sub/b_1.png'"):
        _source(Drawing("b_1.png", [ALL]), Drawing("x/sub/b_1.png", [ALL]))


def test_undeclared_labels_are_counted() -> None:
    """The most frequent first, odd characters escaped."""
    areas = [Area("cow", ALL.draw), Area("\x1b", ALL.draw), Area("cow", ALL.draw), Area(None, ALL.draw)]
    with pytest.raises(DataError, match=r"2 labels are not declared in a.json: 'cow' \(2 areas\), '\\x1b' \(1 areas\)"):
        _source(Drawing("a_1.png", areas))


def test_examples_are_three() -> None:
    """And how many more there are."""
    assert examples(["a", "b"]) == "a, b" and examples(list("abcd")) == "a, b, c and 1 more"
