"""Tests of the report as a whole."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pipeline.report import Decision, render_report
from tests.evaluated_work import NAN, PROMOTED, make_scores, write_evaluated

VOID = {"meta", "img", "br", "link", "input"}


class Checker(HTMLParser):
    """Holds that tags are closed in order, and gathers the addresses, the ids and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remembers it as open."""
        self.open += [tag] * (tag not in VOID)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]
        self.ids += [value or "" for name, value in attrs if name == "id"]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Is closed already, which only SVG may do."""
        self.handle_starttag(tag, attrs)
        assert self.open.pop() == tag

    def handle_endtag(self, tag: str) -> None:
        """Has to be the one opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Gathers the text."""
        self.words.append(data)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """What all stages left."""
    write_evaluated(tmp_path / "work")
    return tmp_path / "work"


def check(html: str) -> Checker:
    """Parses a page."""
    checker = Checker()
    checker.feed(html)
    assert not checker.open
    assert len(set(checker.ids)) == len(checker.ids)
    return checker


@pytest.mark.parametrize("decision", [None, PROMOTED])
def test_report_is_one_whole_page(work: Path, decision: Decision | None) -> None:
    """Tags are closed, and nothing is fetched: pictures are inside, links stay on the page and have a target."""
    html = render_report(work, decision)
    checker = check(html)
    assert all(address.startswith(("#", "data:image/jpeg;base64,")) for address in checker.addresses)
    assert {address[1:] for address in checker.addresses if address.startswith("#")} <= set(checker.ids)
    assert not re.search(r"https?://(?!www\.w3\.org/)|@import|url\(", html)


def test_report_says_the_verdict_first_and_then_all_else(work: Path) -> None:
    """Every section that the evidence allows stands in its order."""
    html = render_report(work, PROMOTED)
    found = re.findall(r"<h2>(.*?)</h2>", html)
    assert html.index("segline/7 is champion") < html.index("<h2>")
    assert found == [
        "Where it fails and what to label next",
        "Classes",
        "Confusion",
        "Groups and slices",
        "Suspected label errors",
        "Worst images",
        "Random images",
        "Calibration",
        "Training",
        "Data and lineage",
    ]


def test_report_escapes_names(work: Path) -> None:
    """A class called like a tag is text, so is a group with an ampersand."""
    html = render_report(work, PROMOTED)
    assert "<script" not in html
    assert "street &amp; co" in html


def test_the_window_names_the_score(work: Path) -> None:
    """A mean IoU that does not exist is left out of the title."""
    assert "<title>Promoted · mean IoU 0.662</title>" in render_report(work, PROMOTED)
    replace(make_scores(), mean_iou=NAN).write(work / "evaluate/scores.json")
    assert "<title>Promoted</title>" in render_report(work, PROMOTED)


def test_report_on_nothing_still_has_its_verdict(tmp_path: Path) -> None:
    """Where nothing lies, it says that there is no verdict and what to do; no section stands there empty."""
    html = render_report(tmp_path, None)
    words = " ".join(check(html).words)
    assert "There is no verdict of the gate on these scores" in words and "dvc repro" in words
    assert "<h2>" not in html


@pytest.mark.parametrize("file", ["evaluate/scores.json", "evaluate/confusion.csv", "preprocess/fingerprint.json"])
def test_report_without_one_file(work: Path, file: str) -> None:
    """Whatever is missing, the page is whole."""
    (work / file).unlink()
    check(render_report(work, PROMOTED))


def test_report_has_equal_bytes_and_knows_dark_phone_and_paper(work: Path) -> None:
    """Equal files give an equal page."""
    html = render_report(work, None)
    assert html == render_report(work, None)
    assert all(word in html for word in ("prefers-color-scheme:dark", 'name="viewport"', "@media print"))
