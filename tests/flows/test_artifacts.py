"""Tests of flows/artifacts.py; that Prefect has them is tested with the whole."""

import html
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from flows.artifacts import score_rows, to_markdown, verdict_page
from pipeline.evaluation.reasons import Reason
from pipeline.evaluation.scores import Baseline
from pipeline.evaluation.verdict import Verdict
from pipeline.text import printable
from tests.made_scores import EVIDENCE, made_scores

SCORES = made_scores(mean_iou=0.75, iou={"road": 0.75, "car": math.nan}, baseline=Baseline("road", 0.1, 0.4))


def test_each_score_has_a_row_and_the_baseline_next_to_it() -> None:
    """The table has the baseline if there is one, and no number for a class that is not there."""
    rows = {row["score"]: (row["model"], row["always road"]) for row in score_rows(SCORES)}
    assert list(rows)[:2] == ["mean IoU", "pixel accuracy"] and list(rows)[-1].startswith("boundary IoU of")
    assert rows["mean IoU"] == ("0.7500", "0.1000")
    assert rows["pixel accuracy"] == ("0.9000", "0.4000")
    assert rows["IoU of car"] == ("-", "")


def _reason(text: str) -> Reason:
    return Reason("evidence", {"problem": text})


def test_the_verdict_names_its_reasons() -> None:
    """A page says what was decided and why."""
    page = verdict_page(Verdict(False, (_reason("too low"), _reason("stale")), None, None, EVIDENCE))
    assert page == "# Rejected\n\n- too low\n- stale\n"


@pytest.mark.parametrize(
    "text",
    [
        "<img src=x onerror=alert(1)>",
        "[click](javascript:alert(1)) ![x](http://host/x.png)",
        "**bold** `code` ~~gone~~ | cell",
        "https://host/x and www.host.org",
        "a\n\n# title\n<script>",
        "\x1b[31m \u202e \\<b>",
    ],
)
def test_reasons_and_names_are_text(text: str) -> None:
    """Neither HTML nor Markdown in a reason or in a class's name is more than text."""
    page = verdict_page(Verdict(False, (_reason(text),), None, None, EVIDENCE))
    rendered = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(page)
    assert rendered.count("<") == rendered.count("<h1>") * 2 + rendered.count("<ul>") * 2 + rendered.count("<li>") * 2
    assert html.unescape(rendered.split("<li>")[1].split("</li>")[0]) == printable(text).replace("\n", " ")


@given(st.text(max_size=60))
def test_markdown_shows_the_text_as_it_is(text: str) -> None:
    """Whatever a name is, what the page shows is its printable form."""
    rendered = MarkdownIt("gfm-like", {"html": True, "linkify": False}).renderInline(to_markdown(f"x{text}x"))
    assert html.unescape(rendered) == f"x{printable(text)}x".replace("\n", " ")
