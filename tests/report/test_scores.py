"""Tests of the tables and charts of scores."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.evaluation.bootstrap import Interval
from pipeline.evaluation.calibration import Bin, Calibration
from pipeline.evaluation.slices import Slice
from pipeline.report.evidence import Dossier, read_dossier
from pipeline.report.scores import calibration, class_table, confusion, slices
from tests.evaluated_work import NAN, PROMOTED, make_scores, write_evaluated


@pytest.fixture
def dossier(tmp_path: Path) -> Dossier:
    """Of all that the stages left."""
    write_evaluated(tmp_path / "work")
    return read_dossier(tmp_path / "work", PROMOTED, ())


def rows(html: str) -> list[str]:
    """The text of each row of a table's body."""
    body = html.partition("<tbody>")[2].partition("</tbody>")[0]
    return [re.sub(r"<[^>]*>", " ", row) for row in body.split("</tr>") if row]


def test_the_worst_class_stands_first_and_one_without_a_score_last(dossier: Dossier) -> None:
    """Each has its interval and its change."""
    worst, better, absent = rows(class_table(dossier))
    assert "script" in worst and "not shown, 3 groups" in worst and "&minus;0.100" in worst
    assert "0.700&nbsp;to&nbsp;0.900" in better and "+0.010" in better
    assert "absent" in absent and "0.0%" in absent


def test_without_a_decision_nothing_is_compared(dossier: Dossier) -> None:
    """There is no column for it, and no table without scores."""
    assert "against champion" in class_table(dossier)
    assert "against champion" not in class_table(replace(dossier, decision=None))
    assert class_table(replace(dossier, scores=None)) == ""


def test_confusion_lists_the_mistakes(dossier: Dossier) -> None:
    """Ten pixels of sky are two thirds of all that is wrong; a perfect model has no list, no matrix no section."""
    assert "sky &rarr; &lt;script&gt;  66.7%  12.5%" in " ".join(rows(confusion(dossier)))
    assert "Most frequent mistakes" not in confusion(replace(dossier, matrix=np.diag([5, 5, 0])))
    assert confusion(replace(dossier, matrix=None)) == ""


def test_calibration_says_which_way_it_errs(dossier: Dossier) -> None:
    """90 % claimed and 77.5 % right is too sure; the other way round it is not; without pixels nothing is said."""
    assert "Expected calibration error 12.5%" in calibration(dossier)
    assert "it is surer than it is right" in calibration(dossier)
    modest = replace(make_scores(), calibration=Calibration(0.2, (Bin(0.5, 1, 10, 0.7, 0.9),)))
    assert "right more often than it claims" in calibration(replace(dossier, scores=modest))
    unknown = replace(make_scores(), calibration=Calibration(float("nan"), ()))
    assert calibration(replace(dossier, scores=unknown)) == ""


def test_slices_have_a_table_for_each_kind(dossier: Dossier) -> None:
    """A range is told where there is one; of many parts the worst are shown."""
    html = slices(dossier)
    assert html.index("Groups") < html.index("Brightness") and "10&nbsp;to&nbsp;90" in html
    assert "0.650&nbsp;to&nbsp;0.750" in html and "not shown, 3 groups" in html
    assert "not shown, 1 group" not in html and "Dotted: the whole split" in html
    assert "Dotted" not in slices(replace(dossier, scores=replace(make_scores(), slices=())))
    alone = Interval(0.5, NAN, NAN, 1)
    many = tuple(Slice("group", f"g{number}", 1, number / 20, NAN, NAN, alone) for number in range(15))
    html = slices(replace(dossier, scores=replace(make_scores(), slices=many)))
    assert "and 3 better ones" in html and "g11" in html and "g12" not in html
