"""Tests of reading what the report is made from."""

from pathlib import Path

import pytest
from numpy.testing import assert_array_equal

from pipeline.report.evidence import read_evidence
from pipeline.report.render import render
from tests.evaluated_work import CLASSES, MATRICES, write_evaluated


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """What all stages left."""
    write_evaluated(tmp_path / "work")
    return tmp_path / "work"


def test_all_is_read(work: Path) -> None:
    """Nothing is missing, nothing is a problem."""
    evidence = read_evidence(work, None, ())
    assert not evidence.problems
    assert evidence.verdict and evidence.verdict.accepted and evidence.classes == CLASSES
    assert evidence.matrix is not None
    assert_array_equal(evidence.matrix, MATRICES.sum(axis=0))
    assert [suspect.label for suspect in evidence.suspects["a_1"]] == ["sky"]
    assert evidence.images["b"]["group"] == "street & co" and "sky>sky" not in evidence.images["b"]
    assert evidence.records["Training"] == {"num_parameters": 1234567}


def test_nothing_is_no_problem(tmp_path: Path) -> None:
    """What was never written is left out, without a word."""
    evidence = read_evidence(tmp_path, None)
    assert (evidence.verdict, evidence.scores, evidence.matrix, evidence.problems) == (None, None, None, [])


@pytest.mark.parametrize(
    "file",
    [
        "evaluate/scores.json",
        "evaluate/confusion.csv",
        "evaluate/per_image.csv",
        "evaluate/suspects.csv",
        "gate/verdict.json",
        "train/history.csv",
        "train/summary.json",
        "preprocess/fingerprint.json",
        "validate/manifest.csv",
    ],
)
def test_what_is_damaged_is_left_out_and_named(work: Path, file: str) -> None:
    """A file of another kind stops nothing."""
    (work / file).write_text("a\nb\n")
    (problem, *_) = read_evidence(work, None, ()).problems
    assert problem.startswith(str(work / file))


def test_a_verdict_on_other_scores_is_none(work: Path) -> None:
    """Scores that changed after the gate have no verdict."""
    with (work / "evaluate/scores.json").open("a") as file:
        file.write("\n")
    evidence = read_evidence(work, None, ())
    assert evidence.verdict is None and "is of other scores than" in evidence.problems[0]


def test_pictures_are_known_by_kind_and_rank(work: Path) -> None:
    """In the order of their table; without it there are none, and that is a problem."""
    pictures = [(picture.kind, picture.rank, picture.name) for picture in read_evidence(work, None, ()).pictures]
    assert pictures == [("worst", 1, "a_1"), ("worst", 2, "b"), ("suspect", 1, "a_1"), ("random", 1, "b")]
    (work / "evaluate/overlays/overlays.csv").unlink()
    evidence = read_evidence(work, None, ())
    assert not evidence.pictures and "overlays.csv: not found" in evidence.problems[0]


@pytest.mark.parametrize("file", ["evaluate/per_image.csv", "evaluate/suspects.csv", "evaluate/overlays/overlays.csv"])
def test_a_table_that_is_cut_in_its_last_row_is_named(work: Path, file: str) -> None:
    """The report is made without it."""
    text = (work / file).read_text().rstrip("\n")
    last = text.rpartition("\n")[2]
    (work / file).write_text(text.removesuffix(last) + last.partition(",")[0])
    evidence = read_evidence(work, None, ())
    assert evidence.problems[0].startswith(str(work / file))
    assert render(evidence)
