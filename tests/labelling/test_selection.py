"""Tests of the choice of images to label next."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.labelling.selection import Candidate, look_of, select, uncertainty_of


def _candidate(name: str, uncertainty: float, look: float = 0.0, group: str = "") -> Candidate:
    return Candidate(name, f"{name}.png", group or name, name, uncertainty, np.array([look], np.float32))


def test_uncertainty_is_the_share_of_the_largest_entropy() -> None:
    """1 where all classes are alike, 0 where one is certain, the mean of the pixels else; one class is never unsure."""
    probs = np.full((1, 2, 4), 0.25, np.float32)
    assert uncertainty_of(probs) == pytest.approx(1)
    probs[0, 0] = 1, 0, 0, 0
    assert uncertainty_of(probs) == pytest.approx(0.5)
    probs[0, 1] = 0.5, 0.5, 0, 0
    assert uncertainty_of(probs) == pytest.approx(0.25)
    assert uncertainty_of(np.ones((2, 2, 1), np.float32)) == 0


def test_looks_differ_by_pixels_and_classes() -> None:
    """Black and white are 1 apart; so are, by the root of 2, two classes that are all over."""
    probs = np.zeros((8, 8, 2), np.float32)
    probs[..., 0] = 1
    black, white = (look_of(np.full((8, 8, 3), level, np.uint8), probs) for level in (0, 255))
    other = look_of(np.zeros((8, 8, 3), np.uint8), probs[..., ::-1])
    assert black.shape == (50,)
    assert np.linalg.norm(black - white) == pytest.approx(1)
    assert np.linalg.norm(black - other) == pytest.approx(np.sqrt(2))


def test_the_most_uncertain_is_first_and_a_far_one_follows() -> None:
    """Of the shortlist: the least uncertain image of all is too certain to be in it, however far it is."""
    far = [_candidate(f"m{number}", 0.5 - number / 100, look=number / 10) for number in range(9)]
    suggestions = select([*far, _candidate("top", 0.9), _candidate("sure", 0.1, look=100)], 2)
    assert [(one.candidate.name, one.rank) for one in suggestions] == [("top", 1), ("m8", 2)]
    assert suggestions[0].why == "most uncertain of all" and "distance 0.800" in suggestions[1].why


def test_distance_counts_by_uncertainty() -> None:
    """What the model is certain of is no suggestion because it looks odd, unless nothing else is left."""
    candidates = [_candidate("top", 0.9), _candidate("odd", 0.1, look=1.0), _candidate("near", 0.8, look=0.2)]
    assert [one.candidate.name for one in select(candidates, 3)] == ["top", "near", "odd"]


def test_groups_have_equal_shares() -> None:
    """The frames of an uncertain video are not all chosen; a small group gives what it has."""
    video = [_candidate(f"v{number}", 0.9, look=number, group="video") for number in range(50)]
    others = [_candidate("a", 0.1, group="a"), _candidate("b", 0.2, group="b")]
    assert {one.candidate.group for one in select([*video, *others], 3)} == {"video", "a", "b"}
    chosen = [one.candidate.group for one in select([*video, *others], 6)]
    assert sorted(chosen) == ["a", "b", *["video"] * 4]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.floats(0, 1), st.floats(0, 1)), max_size=40), st.integers(1, 50))
def test_as_many_as_there_are(rows: list[tuple[str, float, float]], num: int) -> None:
    """Never twice the same one, in any order of the candidates the same ones, and no group gives more than it must."""
    candidates = [_candidate(f"{place:02}", unsure, look, group) for place, (group, unsure, look) in enumerate(rows)]
    names = [one.candidate.name for one in select(candidates, num)]
    assert len(set(names)) == len(names) == min(num, len(rows))
    assert names == [one.candidate.name for one in select(candidates[::-1], num)]
    sizes = [sum(row[0] == group for row in rows) for group in "abcd"]
    taken = [sum(rows[int(name)][0] == group for name in names) for group in "abcd"]
    assert not names or sum(min(max(taken) - 1, size) for size in sizes) < len(names)
