"""Tests of the scores of parts of a split."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation.bootstrap import Interval, mean_iou_interval
from pipeline.evaluation.image_table import ImageTable
from pipeline.evaluation.slices import Slice, WorstGroups, group_changes, score_slices, slice_changes, worst_groups
from pipeline.vision.confusion import mean_iou


def make_table(
    brightness: list[float], groups: list[str] | None = None, heights: list[int] | None = None
) -> ImageTable:
    """A table of images with 2 classes; the image at place i has i + 1 pixels right and 3 wrong."""
    number = len(brightness)
    matrices = np.array([[[place + 1, 2], [1, 0]] for place in range(number)], np.int64)
    return ImageTable(
        class_names=("a", "b"),
        names=tuple(f"s{place}" for place in range(number)),
        groups=tuple(groups or [f"g{place}" for place in range(number)]),
        heights=np.array(heights or [8] * number),
        widths=np.full(number, 8),
        brightness=np.array(brightness),
        matrices=matrices,
    )


def interval_of(part: ImageTable) -> Interval:
    """By images, three at least."""
    return mean_iou_interval(part, unit="image", num_resamples=200, seed=0, confidence=0.9, min_units=3)


def by_key(table: ImageTable) -> dict[str, Slice]:
    """The slices by the names that the gate knows them by."""
    return {part.key: part for part in score_slices(table, interval_of)}


def test_groups_are_scored_with_their_pixels_pooled() -> None:
    """A group's score is that of its images' counts together."""
    found = by_key(make_table([9, 9, 9], ["x", "y", "x"]))
    assert list(found) == ["group/x", "group/y"]
    assert found["group/x"].num_images == 2
    assert found["group/x"].mean_iou == mean_iou(np.array([[4, 4], [2, 0]]))
    assert math.isnan(found["group/x"].low)


def test_a_slice_has_its_interval() -> None:
    """It is that of the slice's own images, and is not shown of too few."""
    table = make_table([1, 2, 3, 4, 5, 6, 7], ["x", "x", "x", "x", "y", "y", "y"])
    table.matrices[4:] = 0
    found = by_key(table)
    assert found["group/x"].interval == interval_of(table.select(np.arange(4)))
    assert found["group/x"].interval.is_shown and found["group/x"].interval.num_units == 4
    assert not found["group/y"].interval.is_shown and not found["brightness/dark"].interval.is_shown
    assert found["brightness/dark"].interval.num_units == 1


def test_groups_of_one_image_are_left_out() -> None:
    """Where every image is a group of its own, the table of images says it already."""
    assert score_slices(make_table([9, 9]), interval_of) == ()


def test_thirds_by_brightness_and_size() -> None:
    """The darkest third is dark, the smallest small; each tells its range."""
    found = by_key(make_table([30, 10, 20], heights=[8, 16, 24]))
    assert list(found) == [
        *("size/small", "size/medium", "size/large"),
        *("brightness/dark", "brightness/medium", "brightness/bright"),
    ]
    assert found["brightness/dark"].mean_iou == mean_iou(np.array([[2, 2], [1, 0]]))
    assert (found["size/large"].low, found["size/large"].high) == (192, 192)


def test_a_group_without_a_counted_pixel_has_no_score() -> None:
    """It is nan, which no floor takes for reached, and has no image."""
    table = make_table([1, 2, 3], ["x", "x", "y"])
    table.matrices[2] = 0
    found = by_key(table)["group/y"]
    assert math.isnan(found.mean_iou) and found.num_images == 0


@given(st.lists(st.tuples(st.integers(0, 6), st.floats(0, 9)), min_size=1, max_size=3))
def test_images_without_a_counted_pixel_change_no_slice(empty: list[tuple[int, float]]) -> None:
    """They are in no third, move no boundary between thirds and add no image to a group."""
    brightness, groups = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], ["x", "y"] * 3
    plain, more = by_key(make_table(brightness, groups)), list(range(6))
    for place, _ in empty:
        more.insert(place, -1)
    values = iter(value for _, value in empty)
    table = make_table(
        [next(values) if place < 0 else brightness[place] for place in more],
        ["x" if place < 0 else groups[place] for place in more],
    )
    table.matrices[:] = [make_table(brightness).matrices[place] * (place >= 0) for place in more]
    assert repr(by_key(table)) == repr(plain)


@given(st.lists(st.sampled_from([1.0, 2.0, 3.0, 4.0, 5.0]), min_size=1, max_size=12))
def test_thirds_take_each_image_once(brightness: list[float]) -> None:
    """No image is lost or counted twice, ranges do not overlap, and equal brightness is never parted."""
    thirds = [part for part in score_slices(make_table(brightness), interval_of) if part.kind == "brightness"]
    assert sum(part.num_images for part in thirds) == (len(brightness) if len(set(brightness)) > 1 else 0)
    assert all(one.high < other.low for one, other in zip(thirds, thirds[1:], strict=False))


@pytest.mark.parametrize("number", [3, 6, 30])
def test_thirds_are_thirds(number: int) -> None:
    """Where no two are equal, each third has as many images."""
    thirds = list(score_slices(make_table([float(place) for place in range(number)]), interval_of))
    assert [part.num_images for part in thirds] == [number // 3] * 3


@pytest.mark.parametrize("num_small", [30, 66, 67, 1])
def test_of_two_sizes_one_is_small_and_one_large(num_small: int) -> None:
    """However often each of two sizes occurs, each is a part of its own."""
    sizes = [8] * num_small + [16] * (100 - num_small)
    found = by_key(make_table([9.0] * 100, heights=sizes))
    assert {key: part.num_images for key, part in found.items()} == {
        "size/small": num_small,
        "size/large": 100 - num_small,
    }


def test_the_nearest_boundary_of_each_third_is_taken() -> None:
    """Where both thirds are nearest to the same boundary there are two parts, the first and the last."""
    by_number = {
        (1, 10, 1): ["dark", "medium", "bright"],
        (8, 1, 1): ["dark", "bright"],
        (1, 1, 10): ["dark", "bright"],
    }
    for numbers, names in by_number.items():
        values = [float(value) for value, number in enumerate(numbers) for _ in range(number)]
        assert [part.name for part in score_slices(make_table(values), interval_of)] == names


def test_changes_of_groups_and_slices() -> None:
    """Each is the difference of the mean IoU of the pooled pixels; traces of a class do not count in a group."""
    table = make_table([1, 1, 200, 200], ["x", "y", "y", "z"])
    table.matrices[0] = [[900, 0], [1, 0]]
    table.matrices[3] = 0
    better = replace(table, matrices=table.matrices.copy())
    better.matrices[2] += np.array([[2, -2], [-1, 1]])
    pooled = [mean_iou(one.matrices[1:].sum(axis=0)) for one in (better, table)]
    assert group_changes(better, table) == {"x": 0, "y": pytest.approx(pooled[0] - pooled[1])}
    assert slice_changes(better, table).keys() == {"brightness/dark", "brightness/bright"}
    assert slice_changes(better, table)["brightness/dark"] == 0 < slice_changes(better, table)["brightness/bright"]


def test_stray_pixels_of_a_class_change_no_slice() -> None:
    """Three pixels in one dark image, lost, are no half of the slice's mean IoU."""
    table = make_table([float(value) for value in range(6)])
    table.matrices[:2] = [[900, 100], [0, 0]]
    table.matrices[2:] = [[900, 100], [300, 2000]]
    table.matrices[0, 1, 1] = 3
    worse = replace(table, matrices=table.matrices.copy())
    worse.matrices[0, 1] = [3, 0]
    assert slice_changes(worse, table)["brightness/dark"] == pytest.approx(0, abs=0.01)


def test_the_worst_twentieth_of_the_groups() -> None:
    """It is the worst group up to twenty, then the mean of more of them; the last counts in part."""
    changes = {"a": 0.1, "b": -0.3, "c": -0.2}
    assert worst_groups(changes) == WorstGroups(-0.3, ("b",))
    many = changes | {f"group {number}": 0.0 for number in range(27)}  # 1.5 groups of 30
    assert worst_groups(many).names == ("b", "c")
    assert worst_groups(many).change == pytest.approx((-0.3 - 0.2 / 2) / 1.5)
    assert math.isnan(worst_groups({}).change)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=80))
def test_a_group_that_is_kept_does_not_make_the_worst_worse(values: list[float]) -> None:
    """One more group in which nothing is lost never makes promotion harder."""
    changes = {str(place): value for place, value in enumerate(values)}
    assert worst_groups(changes | {"more": 1.0}).change >= worst_groups(changes).change - 1e-12
