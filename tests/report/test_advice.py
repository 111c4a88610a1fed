"""Tests of what the report advises."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.evaluation.bootstrap import Interval
from pipeline.evaluation.label_errors import Suspect
from pipeline.evaluation.scores import NO_INTERVALS
from pipeline.report.advice import advice, failures, mistakes, weak_slices
from pipeline.report.evidence import Dossier, read_dossier
from tests.evaluated_work import NAN, make_scores, write_evaluated


@pytest.fixture
def dossier(tmp_path: Path) -> Dossier:
    """Of all that the stages left."""
    write_evaluated(tmp_path / "work")
    return read_dossier(tmp_path / "work", None, ())


def suspect(name: str, num_pixels: int) -> Suspect:
    """An area of an image."""
    return Suspect(name, "sky", "car", num_pixels, 1, 2, 3, 4)


def test_failures_name_the_weak_class_its_mistake_and_the_weak_group(dossier: Dossier) -> None:
    """Ten of the 25 pixels that are taken for the weak class are sky."""
    told = failures(dossier)
    assert told[0] == "<b>&lt;script&gt;</b> has IoU 0.500; 40.0% of what is taken for it is sky"
    assert "the group <b>street &amp; co</b>: mean IoU 0.300" in told[1] and "(2 images)" in told[1]
    assert len(told) == 2


def test_the_larger_mistake_of_a_class_is_told(dossier: Dossier) -> None:
    """Where more is taken for a class than it is taken for others, that is where it fails."""
    matrix = np.array([[10, 6, 0], [5, 15, 0], [0, 9, 0]])
    told = failures(replace(dossier, matrix=matrix))
    assert told[0].endswith("has IoU 0.500; 30.0% of what is taken for it is absent")
    told = failures(replace(dossier, matrix=matrix.T))
    assert told[0].endswith("has IoU 0.500; 30.0% of it is taken for absent")
    told = failures(replace(dossier, matrix=np.diag([5, 5, 5])))
    assert told[0].endswith("has IoU 0.500")


def test_labels_to_check_are_in_the_order_of_their_pictures(dossier: Dossier) -> None:
    """By all the suspected pixels of an image, not by its largest area."""
    areas = {"large": [suspect("large", 30)], "many": [suspect("many", 20)] * 2, "few": [suspect("few", 30)]}
    assert "labels of <b>many</b>, <b>few</b>, <b>large</b>: the" in advice(replace(dossier, suspects=areas))[-1]


def test_a_class_that_no_label_has_is_a_failure(dossier: Dossier) -> None:
    """It is named, once: it is not one of the weak classes too."""
    scores = replace(make_scores(), iou={**make_scores().iou, "absent": 0.0}, strays={"absent": 3})
    told = failures(replace(dossier, scores=scores))
    assert told[-1] == "predicted but in no label, so left out of the mean IoU: absent (3 pixels)"
    assert "absent" not in " ".join(told[:-1])


def test_advice_says_how_many_groups_are_missing(dossier: Dossier) -> None:
    """A class that is not shown, then a rare one, the weak group and the suspected labels."""
    lines = advice(dossier)
    script = next(line for line in lines if "script" in line and "cannot be judged" in line)
    assert "3 groups of the test split show it, 5 are needed. Label 2 more groups with it, in the split test." in script
    assert any("0.5% of the train pixels; it is rare in training" in line for line in lines)
    assert any("More images like the group <b>street &amp; co</b>" in line for line in lines)
    assert "Check the labels of <b>a_1</b>" in lines[-1] and "#suspects" in lines[-1]


def test_of_too_few_groups_nothing_can_be_shown(dossier: Dossier) -> None:
    """Then that is said once, not for each class; without intervals nothing is."""
    assert dossier.scores
    few = replace(dossier.scores.intervals, mean_iou=Interval(0.6, NAN, NAN, 4))
    told = advice(replace(dossier, scores=replace(dossier.scores, intervals=few)))
    assert told[0].startswith("Nothing can be shown of 4 groups in the test split, 5 are needed. Label 1 more group,")
    assert not any("cannot be judged" in line for line in told)
    told = advice(replace(dossier, scores=replace(dossier.scores, intervals=NO_INTERVALS)))
    assert not any("needed" in line for line in told)


def test_of_many_classes_that_are_not_shown_some_are_named(dossier: Dossier) -> None:
    """The others are counted."""
    assert dossier.scores
    rare = {f"c{number}": Interval(0.6, NAN, NAN, 1) for number in range(7)}
    told = advice(
        replace(dossier, scores=replace(dossier.scores, intervals=replace(dossier.scores.intervals, iou=rare)))
    )
    assert "<b>c4</b> cannot be judged: 1 group of the test split shows it" in told[4]
    assert told[5] == "2 more classes cannot be judged either, see the table."


def test_no_evidence_no_advice(dossier: Dossier) -> None:
    """Without scores nothing is said; without pictures no link is given."""
    assert (advice(replace(dossier, scores=None)), failures(replace(dossier, scores=None))) == ([], [])
    assert "#suspects" not in advice(replace(dossier, pictures=[]))[-1]


def test_a_slice_near_the_whole_is_no_finding() -> None:
    """Only the group that is clearly below is weak; nan is not."""
    scores = make_scores()
    assert [part.name for part in weak_slices(scores)] == ["street & co"]
    unknown = tuple(replace(part, mean_iou=float("nan")) for part in scores.slices)
    assert weak_slices(replace(scores, slices=unknown)) == []


def test_mistakes_are_off_the_diagonal_most_first() -> None:
    """Pairs without a pixel are no mistakes."""
    assert mistakes(np.array([[9, 1, 0], [3, 9, 0], [0, 2, 9]])) == [(1, 0), (2, 1), (0, 1)]
