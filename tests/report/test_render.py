"""Tests of the report as a whole."""

import csv
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from pipeline.dataset.contract import ClassList
from pipeline.disk.files import md5_of
from pipeline.evaluation.overlays import legend
from pipeline.evaluation.verdict import Verdict
from pipeline.report.render import Decision, render_report
from pipeline.vision.charts import confusion_chart, standalone
from tests.evaluated_work import NAN, PROMOTED, make_scores, write_evaluated

VOID = {"meta", "img", "br", "link", "input"}


class Checker(HTMLParser):
    """Holds that tags are closed in order, and gathers the addresses, the ids and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.attributes: set[str] = set()
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remembers it as open."""
        self.open += [tag] * (tag not in VOID)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]
        self.attributes |= {name for name, _ in attrs}
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


HOSTILE = """<svg onload=alert(1)> "'&amp; ]]>"""


def make_hostile(work: Path) -> Decision:
    """Gives class, group and image a name that would run a script, in every file; and a decision of such words."""
    names = {"<script>": HOSTILE, "street & co": f"g{HOSTILE}", "a_1": f"i{HOSTILE}"}
    for path in (path for path in work.rglob("*") if path.suffix in {".csv", ".json"}):
        text = path.read_text()
        if path.suffix == ".json":
            for name, hostile in names.items():
                text = text.replace(name, json.dumps(hostile)[1:-1])
            path.write_text(text)
            continue
        with path.open("w", newline="") as file:
            for row in list(csv.reader(io.StringIO(text))):
                cells = ["".join(names.get(part, part) for part in re.split("(<script>)", cell)) for cell in row]
                csv.writer(file, lineterminator="\n").writerow([names.get(cell, cell) for cell in cells])
    Verdict(True, (HOSTILE,), md5_of(work / "evaluate/scores.json"), 0.66, None).write(work / "gate/verdict.json")
    by_class = {names.get(name, name): interval for name, interval in PROMOTED.by_class.items()}
    words: dict[str, Any] = {
        "headline": HOSTILE,
        "reasons": (HOSTILE,),
        "champion": HOSTILE,
        "tags": {"git_commit": HOSTILE},
    }
    return replace(PROMOTED, by_class=by_class, **words)


def test_no_name_is_markup(work: Path) -> None:
    """Whatever class, group, image, reason or tag is called, it is text: no tag and no attribute comes of it."""
    plain = render_report(work, PROMOTED)
    html = render_report(work, make_hostile(work))
    checker = check(html)
    told = " ".join(checker.words)
    assert checker.attributes == check(plain).attributes and not {
        name for name in checker.attributes if name[:2] == "on"
    }
    assert told.count(HOSTILE) > 15 and f"g{HOSTILE}" in told and f"i{HOSTILE}" in told
    assert "cannot be read" not in told and html.count("<svg onload") == 0


def test_charts_are_well_formed_whatever_a_class_is_called() -> None:
    """As files of their own they are XML, with the name as text."""
    names = (HOSTILE, "sky")
    for svg in (
        standalone(confusion_chart(np.eye(2, dtype=int), names)),
        legend(ClassList(names, ((0, 0, 0),) * 2, 255)),
    ):
        root = ElementTree.fromstring(svg)
        assert any(HOSTILE in (element.text or "") for element in root.iter())
        assert not any("onload" in element.attrib for element in root.iter())


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
