"""Tests of groups and frozen splits."""

from pathlib import Path

import pytest

from pipeline.errors import DataError
from pipeline.importers.groups import compile_pattern, groups_note, to_samples
from pipeline.importers.pairs import Pair

PAIRS = [
    Pair(path.replace("/", "__").removesuffix(".jpg"), path, Path("images") / path, Path("masks") / path)
    for path in ("north/s1_001.jpg", "north/s1_002.jpg", "south/s2_001.jpg")
]


def _table(tmp_path: Path, text: str) -> Path:
    (tmp_path / "samples.csv").write_text(text)
    return tmp_path / "samples.csv"


def test_without_a_rule_each_image_is_a_group() -> None:
    """No split is frozen."""
    samples = to_samples(PAIRS, "", None)
    assert [(sample.group, sample.split) for sample in samples] == [(pair.name, "") for pair in PAIRS]


@pytest.mark.parametrize(
    ("group", "groups"), [("^([^/]+)/", ["north", "north", "south"]), (r"(s\d)", ["s1", "s1", "s2"])]
)
def test_an_expression_finds_the_group_in_the_path(group: str, groups: list[str]) -> None:
    """The first bracket names it."""
    assert [sample.group for sample in to_samples(PAIRS, group, None)] == groups


def test_a_table_goes_before_the_expression(tmp_path: Path) -> None:
    """Rows may name samples, files or paths; where a row has no group the expression gives it."""
    rows = "name,group,split\nnorth__s1_001,mine,test\nnorth/s1_002.jpg,,val\nsouth/s2_001,south/s2_001,\n"
    samples = to_samples(PAIRS, r"(s\d)", _table(tmp_path, rows))
    assert [(sample.group, sample.split) for sample in samples] == [("mine", "test"), ("s1", "val"), ("s2", "")]


@pytest.mark.parametrize(
    ("group", "message"),
    [
        ("(", "is not a regular expression"),
        ("s1", "has no brackets"),
        ("(s1)", r"finds nothing in 1 of 3 paths: south/s2_001.jpg; widen"),
        ("(x?)", "finds nothing in 3 of 3"),
    ],
)
def test_a_wrong_expression_is_refused(group: str, message: str) -> None:
    """Each mistake has a message."""
    with pytest.raises(DataError, match=message):
        to_samples(PAIRS, group, None)


def test_a_wrong_table_is_refused(tmp_path: Path) -> None:
    """A missing file, a sample that is not there, and one named twice."""
    with pytest.raises(DataError, match="not found; expected a CSV with name"):
        to_samples(PAIRS, "", tmp_path / "none.csv")
    with pytest.raises(DataError, match="names 1 samples that are not there: east; remove these rows"):
        to_samples(PAIRS, "", _table(tmp_path, "name\neast\n"))
    with pytest.raises(DataError, match="'north/s1_001' names the sample 'north__s1_001' once more"):
        to_samples(PAIRS, "", _table(tmp_path, "name\nnorth__s1_001.jpg\nnorth/s1_001\n"))


def test_what_a_pattern_is_for_is_in_its_messages() -> None:
    """With an example."""
    assert compile_pattern("class", "(x)", "").groups == 1
    with pytest.raises(DataError, match=r"class 'x' has no brackets; put them around what names the class, as in '\(y"):
        compile_pattern("class", "x", "(y)")


def test_without_any_group_a_note_says_so() -> None:
    """One group is enough to be silent."""
    samples = to_samples(PAIRS, "", None)
    assert "no groups were given: every image is a group of its own" in groups_note(samples)[0]
    assert not groups_note(to_samples(PAIRS, r"(s\d)", None))
