"""Tests of the report's head."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.evaluation.bootstrap import Interval
from pipeline.report.evidence import Dossier, read_dossier
from pipeline.report.verdict import cards, header, headline
from tests.evaluated_work import NAN, PROMOTED, write_evaluated


@pytest.fixture
def dossier(tmp_path: Path) -> Dossier:
    """Of all that the stages left, accepted by the gate."""
    write_evaluated(tmp_path / "work")
    return read_dossier(tmp_path / "work", None, ())


def test_without_a_decision_the_gate_speaks(dossier: Dossier) -> None:
    """Accepted is not promoted, and says nothing of it; rejected, and no verdict at all, are refusals."""
    assert dossier.verdict
    rejected = replace(dossier, verdict=replace(dossier.verdict, accepted=False))
    assert headline(dossier) == ("wait", "Accepted by the gate", "Good enough to be registered")
    assert "work/report.html" in header(dossier)
    assert headline(rejected) == ("no", "Not promoted", "Rejected by the gate")
    assert headline(replace(dossier, verdict=None))[:2] == ("no", "Not promoted")
    assert "segline promote" in header(dossier) and "segline promote" not in header(rejected)


@pytest.mark.parametrize(("promoted", "kind"), [(True, "yes"), (False, "no"), (None, "wait")])
def test_a_decision_is_what_counts(dossier: Dossier, promoted: bool | None, kind: str) -> None:
    """Its line, its reasons and the gate's stand there."""
    html = header(replace(dossier, decision=replace(PROMOTED, promoted=promoted)))
    assert f'class="verdict {kind}"' in html
    assert html.index("segline/7 is champion") < html.index("by more than chance") < html.index("reaches the floor")


def test_the_cards_have_intervals_and_the_change(dossier: Dossier) -> None:
    """A change whose sign is sure has a colour, one that is not shown says so."""
    html = cards(replace(dossier, decision=PROMOTED))
    assert "0.600 to 0.700 (95&nbsp;% interval, 6 groups; few groups, so it is rather too narrow)" in html
    assert '<span class="better">+0.020</span>' in html and "against segline/6; +0.010 to +0.030" in html
    unsure = replace(PROMOTED, difference=Interval(0.02, NAN, NAN, 2))
    assert "against segline/6; not shown" in cards(replace(dossier, decision=unsure))
    assert cards(replace(dossier, scores=None)) == "" and "left out" not in html


def test_the_cards_tell_what_is_left_out(dossier: Dossier) -> None:
    """A group without a counted pixel is no unit, and the reader is told."""
    assert dossier.scores
    some = replace(dossier.scores, intervals=replace(dossier.scores.intervals, num_left_out=1))
    told = "1 group of the test split without a counted pixel is left out"
    assert told in cards(replace(dossier, scores=some))


def test_what_could_not_be_read_is_said_once(dossier: Dossier) -> None:
    """Beside the cards, or as the reason why there is no verdict."""
    broken = replace(dossier, problems=["x.csv: is damaged"])
    assert header(broken).count("x.csv: is damaged") == 1
    assert header(replace(broken, verdict=None)).count("x.csv: is damaged") == 1
