"""Tests of the small parts of the report."""

import math

from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation.bootstrap import Interval
from pipeline.report.page import change, facts, meter, number, page, percent, signed, span, table

NAN = math.nan


def test_a_section_without_content_is_left_out_with_its_link() -> None:
    """Neither heading nor link stands there."""
    html = page("a & b", "<p>head</p>", [("one", "One", "<p>x</p>"), ("two", "Two", "")])
    assert "<title>a &amp; b</title>" in html and 'href="#one"' in html
    assert "Two" not in html and "#two" not in html


def test_change_is_coloured_where_the_sign_is_sure() -> None:
    """Better, worse, undecided, not shown and unknown."""
    assert 'class="better">+0.020' in change(Interval(0.02, 0.01, 0.03, 9))
    assert 'class="worse">&minus;0.020' in change(Interval(-0.02, -0.03, -0.01, 9))
    assert 'class="muted"' in change(Interval(0.02, -0.01, 0.05, 9))
    assert change(Interval(0.02, NAN, NAN, 2)) == "+0.020 <small>not shown</small>"
    assert change(None) == change(Interval(NAN, NAN, NAN, 0)) == "&ndash;"


def test_span_says_why_nothing_is_shown() -> None:
    """Both ends, or the number of units that were too few."""
    assert span(Interval(0.5, 0.4, 0.6, 9), "group") == "<small>0.400&nbsp;to&nbsp;0.600</small>"
    assert span(Interval(0.5, NAN, NAN, 1), "group") == "<small>not shown, 1 group</small>"
    assert span(None, "group") == ""


def test_meter_draws_the_interval_and_the_floor() -> None:
    """A whisker from low to high, a dotted line at the floor; nan fills nothing."""
    html = meter(0.5, Interval(0.5, 0.4, 0.6, 9), 0.25)
    assert "width:50.0%" in html and "left:40.0%;width:20.0%" in html and "left:25.0%" in html
    assert meter(NAN, Interval(NAN, NAN, NAN, 0)) == '<div class="meter"><i style="width:0.0%"></i></div>'


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_a_meter_never_leaves_its_frame(share: float) -> None:
    """Whatever the score, the bar is between nothing and full."""
    width = float(meter(share).partition("width:")[2].partition("%")[0])
    assert 0 <= width <= 100


def test_numbers_are_told_short() -> None:
    """Nan is a dash; little is not nothing."""
    assert (number(0.12345), number(NAN)) == ("0.123", "&ndash;")
    assert (percent(0.5), percent(0.0), percent(0.0001), percent(NAN)) == ("50.0%", "0.0%", "&lt;0.1%", "&ndash;")
    assert signed(-0.5) == "&minus;0.500"


def test_no_rows_no_table() -> None:
    """An empty table is nothing; names and values of facts are text."""
    assert table(("a",), []) == facts([]) == ""
    assert "&lt;b&gt;" in facts([("<b>", "1")])
