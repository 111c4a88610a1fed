"""Tests of the charts."""

import math
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.vision.charts import (
    MAX_NUMBERED,
    confusion_chart,
    histogram_chart,
    line_chart,
    nice_ticks,
    reliability_chart,
    standalone,
)

SVG = "{http://www.w3.org/2000/svg}"


def texts(chart: str) -> list[str]:
    """The texts of a chart; it has to parse as XML."""
    return [element.text or "" for element in ElementTree.fromstring(chart).iter(f"{SVG}text")]


def titles(chart: str) -> list[str]:
    """The tooltips of a chart."""
    return [element.text or "" for element in ElementTree.fromstring(chart).iter(f"{SVG}title")]


def test_confusion_chart_tells_shares_of_the_target() -> None:
    """Each cell has its percent of the row and, on pointing, the counts; cells without pixels are left out."""
    matrix = np.array([[750, 250, 0], [1, 999, 0], [0, 0, 0]])
    chart = confusion_chart(matrix, ["sky", "a<b", "none"])
    assert texts(chart)[-4:] == ["75", "25", ".1", "100"]
    assert "sky predicted as a<b: 250 pixels, 25.00% of sky" in titles(chart)
    assert len(titles(chart)) == 1 + 4


def test_confusion_chart_of_many_classes_has_no_numbers() -> None:
    """Where cells are small, only names and axes are written."""
    num_classes = MAX_NUMBERED + 1
    chart = confusion_chart(np.eye(num_classes, dtype=int), [f"class {id_}" for id_ in range(num_classes)])
    assert len(texts(chart)) == 2 + 2 * num_classes


def test_line_chart_draws_every_curve() -> None:
    """Two curves, their names, whole epochs and a mark; a nan breaks the line in two."""
    chart = line_chart("Loss", [1, 2, 3, 4], {"train": [4, 3, 2, 1], "val": [4, math.nan, 2, 1.5]}, mark=3)
    assert {"train", "val", "epoch", "1", "4"} <= set(texts(chart))
    assert "2.5" not in texts(chart)
    assert chart.count('class="mark"') == 1
    lines = re.findall(r'<path d="(M[^"]*)" stroke="var', chart)
    assert [line.count("M") for line in lines] == [1, 2]


def test_line_chart_of_one_epoch_is_a_point() -> None:
    """A training of one epoch is shown too."""
    assert line_chart("Loss", [1], {"train": [0.5]}).count("<circle") == 1


def test_line_chart_without_a_number_is_empty() -> None:
    """Where nothing is finite, there is nothing to draw."""
    assert line_chart("Loss", [1, 2], {"train": [math.nan, math.inf]}) == ""


def test_histogram_chart_has_a_bar_for_each_bin() -> None:
    """Every bin says its range and number of images, also where all are empty."""
    assert "0.5 to 0.75: 3 images" in titles(histogram_chart("IoU", [0, 1, 3, 2]))
    assert len(titles(histogram_chart("IoU", [0] * 20))) == 21
    assert titles(histogram_chart("IoU of images", [0, 1]))[0] == "IoU of images"


FLOATS = st.floats(-1e6, 1e6).filter(lambda value: value == 0 or abs(value) > 1e-200)


@given(FLOATS, FLOATS.map(abs))
@example(0.0, 5e-324)
def test_ticks_are_few_even_and_around_the_values(low: float, span: float) -> None:
    """They are in order, evenly spaced, span all values and are neither one nor many."""
    ticks = nice_ticks(low, low + span)
    steps = np.diff(ticks)
    margin = 1e-6 * max(abs(low), span, 1e-300)
    assert 2 <= len(ticks) <= 9
    assert (steps > 0).all()
    assert np.allclose(steps, steps[0], rtol=1e-3)
    assert ticks[0] <= low + margin
    assert ticks[-1] >= low + span - margin


def test_whole_ticks() -> None:
    """Epochs and images come in ones."""
    assert nice_ticks(0, 2, whole=True) == [0, 1, 2]


def test_standalone_chart_brings_its_colours() -> None:
    """A chart as a file of its own parses, and knows light and dark."""
    chart = standalone(histogram_chart("IoU", [1, 2]))
    ElementTree.fromstring(chart)
    assert "prefers-color-scheme:dark" in chart
    assert chart == standalone(histogram_chart("IoU", [1, 2]))


def test_reliability_chart_has_a_dot_for_each_bin_with_pixels() -> None:
    """Dots are joined, larger where there are more pixels; the diagonal stands there without any."""
    chart = reliability_chart("Reliability", [(math.nan, math.nan, 0), (0.5, 0.25, 0.25), (0.75, 0.75, 0.75)])
    assert titles(chart) == [
        "Reliability",
        "says 50%, right 25%; 25.0% of the pixels",
        "says 75%, right 75%; 75.0% of the pixels",
    ]
    assert re.findall(r'<path d="(M[^"]*)" stroke="var', chart) == ["M231.0 145.5L320.5 56.5"]
    small, large = (float(radius) for radius in re.findall(r' r="([\d.]+)"', chart))
    assert small < large
    assert reliability_chart("Reliability", []).count('class="mark"') == 1
