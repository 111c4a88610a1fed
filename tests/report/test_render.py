"""Tests of the report as a whole."""

import csv
import io
import json
import re
import shutil
import tomllib
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from pipeline.dataset.contract import ClassList
from pipeline.disk.files import md5_of, md5_of_code
from pipeline.evaluation.bootstrap import Interval
from pipeline.evaluation.overlays import legend
from pipeline.evaluation.reasons import Reason
from pipeline.evaluation.scores import NO_BOOTSTRAP
from pipeline.evaluation.slices import Slice
from pipeline.evaluation.verdict import Verdict
from pipeline.report.evidence import ModelEvidence
from pipeline.report.render import (
    TEMPLATES,
    Decision,
    environment,
    number,
    percent,
    render,
    render_report,
    signed,
    whole,
    width,
)
from pipeline.runtime.cost import Cost
from pipeline.vision.charts import confusion_chart, standalone
from tests.evaluated_work import NAN, PROMOTED, make_scores, with_mean_iou, write_evaluated
from tests.layout import ROOT

VOID = {"meta", "img", "br", "link", "input"}


class Checker(HTMLParser):
    """Raises if tags are not closed in order; gathers the addresses, the ids and the text."""

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
        """Closes at once."""
        self.handle_starttag(tag, attrs)
        assert self.open.pop() == tag

    def handle_endtag(self, tag: str) -> None:
        """Closes the tag that was opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Gathers the text."""
        self.words.append(data)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """What all stages left."""
    write_evaluated(tmp_path / "work")
    return tmp_path / "work"


def text_of(evidence: ModelEvidence) -> str:
    """The text of the page after its title, with one space between words."""
    words = "".join(check(render(evidence)).words).partition("segline \N{MIDDLE DOT} report")[2]
    return " ".join(words.split())


def with_scores(evidence: ModelEvidence, **changes: Any) -> ModelEvidence:
    """The evidence with other scores."""
    return replace(evidence, scores=replace(make_scores(), **changes))


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
    Verdict(True, (Reason("evidence", {"problem": HOSTILE}),), md5_of(work / "evaluate/scores.json"), 0.66, None).write(
        work / "gate/verdict.json"
    )
    by_class = {names.get(name, name): interval for name, interval in PROMOTED.by_class.items()}
    words: dict[str, Any] = {
        "label": HOSTILE,
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
    words = " ".join(checker.words)
    assert checker.attributes == check(plain).attributes and not {
        name for name in checker.attributes if name[:2] == "on"
    }
    assert words.count(HOSTILE) > 15 and f"g{HOSTILE}" in words and f"i{HOSTILE}" in words
    assert "cannot be read" not in words and html.count("<svg onload") == 0


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
    with_mean_iou(make_scores(), value=NAN).write(work / "evaluate/scores.json")
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
    assert all(word in html for word in ("prefers-color-scheme: dark", 'name="viewport"', "@media print"))


def test_without_a_decision_the_gate_speaks(evidence: ModelEvidence) -> None:
    """Accepted is not promoted; rejected, and no verdict at all, are refusals."""
    assert evidence.verdict
    accepted, rejected = text_of(evidence), replace(evidence, verdict=replace(evidence.verdict, accepted=False))
    assert accepted.startswith("Accepted by the gateGood enough to be registered Why:")
    assert "segline promote, which puts a page with its decision at work/report.html." in accepted
    assert text_of(rejected).startswith("Not promotedRejected by the gate Why:")
    assert "segline promote" not in text_of(rejected)
    assert text_of(replace(evidence, verdict=None)).startswith("Not promotedThere is no verdict")


@pytest.mark.parametrize(("promoted", "kind"), [(True, "yes"), (False, "no"), (None, "wait")])
def test_a_decision_comes_before_the_verdict(evidence: ModelEvidence, promoted: bool | None, kind: str) -> None:
    """Its line and its reasons, then those of the gate. The page holds the MD5 of the verdict."""
    html = render(replace(evidence, decision=replace(PROMOTED, promoted=promoted)))
    assert f'class="verdict {kind}"' in html
    assert html.index("segline/7 is champion") < html.index("by more than chance") < html.index("reaches the floor")
    assert evidence.verdict_md5 in html and evidence.verdict_md5 not in render(evidence)


def test_the_cards_have_intervals_and_the_change(evidence: ModelEvidence) -> None:
    """A change whose interval is on one side of zero has a colour; one without an interval says so."""
    decided = replace(evidence, decision=PROMOTED)
    assert "0.600 to 0.700 (95 % interval, 6 groups; few groups, so it is rather too narrow)" in text_of(decided)
    assert "Change+0.020mean IoU, against segline/6; +0.010 to +0.030" in text_of(decided)
    assert "Boundary IoU0.400" in text_of(decided) and "Boundary F10.500" in text_of(decided)
    assert "Calibration error12.5%0 is best" in text_of(decided) and "left out" not in text_of(decided)
    sure = replace(
        PROMOTED, confidence=0.95, better_share=0.98, is_weighted=True, overrides=("version 3 was promoted",)
    )
    text = text_of(replace(evidence, decision=sure))
    assert "+0.020weighted mean IoU, against segline/6; +0.010 to +0.030, each end at 95 %; better in 98.0%" in text
    assert "Promotions against the rule so far: version 3 was promoted" in text
    unsure = replace(PROMOTED, difference=Interval(0.02, NAN, NAN, 2))
    assert "against segline/6; not shown" in text_of(replace(evidence, decision=unsure))
    some = replace(make_scores().bootstrap, num_left_out=1)
    assert "1 group of the test split without a counted pixel is left out" in text_of(
        with_scores(evidence, bootstrap=some)
    )


@pytest.mark.parametrize(
    ("low", "high", "kind"), [(0.01, 0.03, "better"), (-0.03, -0.01, "worse"), (-0.01, 0.05, "muted")]
)
def test_a_change_is_coloured_by_its_interval(evidence: ModelEvidence, low: float, high: float, kind: str) -> None:
    """In the card and in the table of classes."""
    change = Interval(0.02, low, high, 9)
    html = render(replace(evidence, decision=replace(PROMOTED, difference=change, by_class={"sky": change})))
    assert html.count(f'<span class="{kind}">+0.020</span>') == 2


def test_what_could_not_be_read_is_said_once(evidence: ModelEvidence) -> None:
    """Below the cards, or as the reason why there is no verdict."""
    broken = replace(evidence, problems=["x.csv: is damaged"])
    for one in (broken, replace(broken, verdict=None), replace(broken, decision=PROMOTED)):
        assert text_of(one).count("x.csv: is damaged") == 1


def test_the_weak_class_and_the_weak_group_are_named(evidence: ModelEvidence) -> None:
    """With their mistake, and as advice; a class that no label has is named too."""
    text = text_of(with_scores(evidence, strays={"absent": 3}))
    assert "<script> has IoU 0.500; 40.0% of what is taken for it is sky" in text
    assert "the group street & co: mean IoU 0.300, 0.362 below the whole split (2 images)" in text
    assert "predicted but in no label, so left out of the mean IoU: absent (3 pixels)" in text
    assert "<script>: IoU 0.500, 0.5% of the train pixels; it is rare in training, so add images that show it." in text
    assert "More images like the group street & co (mean IoU 0.300), for training." in text
    assert "Check the labels of a_1: the model is sure of something else (pictures)." in text
    assert "something else (pictures)" not in text_of(replace(evidence, pictures=[]))


def test_missing_groups_are_counted(evidence: ModelEvidence) -> None:
    """Of each class, of the mean alone if it has no interval, and not at all if no interval was computed."""
    one = "<script> cannot be judged: 3 groups of the test split show it, 5 are needed. Label 2 more groups with it"
    assert one in text_of(evidence)
    scores = make_scores()
    few = text_of(replace(evidence, scores=with_mean_iou(scores, interval=Interval(0.6, NAN, NAN, 4))))
    assert "Nothing can be shown of 4 groups in the test split, 5 are needed. Label 1 more group, in" in few
    assert "cannot be judged" not in few and "needed" not in text_of(with_scores(evidence, bootstrap=NO_BOOTSTRAP))
    rare = {f"c{index}": Interval(0.6, NAN, NAN, 1) for index in range(7)}
    many = text_of(replace(evidence, scores=with_mean_iou(scores, intervals=rare)))
    assert "c4 cannot be judged: 1 group of the test split shows it" in many and "c5 cannot" not in many
    assert "2 more classes cannot be judged either, see the table." in many


def test_the_table_of_classes_compares_only_after_a_decision(evidence: ModelEvidence) -> None:
    """A class has its interval, its change and every metric that has values by class."""
    html = render(replace(evidence, decision=PROMOTED))
    row = html[html.index("&lt;script&gt;</td>") :].partition("</tr>")[0]
    cells = [re.sub(r"<[^>]*>|\s+", " ", cell).split() for cell in row.split("</td>")]
    assert cells[2] == ["not", "shown,", "3", "groups"] and cells[3] == [signed(-0.1), "−0.200&nbsp;to&nbsp;−0.050"]
    assert [cell[0] for cell in cells[4:9]] == ["0.600", "0.750", "0.667", "–", "–"]
    assert "against champion" in html and "against champion" not in render(evidence)


def test_slices_have_a_table_for_each_kind(evidence: ModelEvidence) -> None:
    """A range is given if known; of many slices the worst are shown."""
    html = render(evidence)
    assert html.index("<h3>Groups") < html.index("<h3>Brightness") and "10&nbsp;to&nbsp;90" in html
    assert "0.650&nbsp;to&nbsp;0.750" in html and "not shown, 1 group" not in html and "Dotted: the whole split" in html
    assert "Dotted: the whole split" not in render(with_scores(evidence, slices=()))
    alone = Interval(0.5, NAN, NAN, 1)
    many = tuple(Slice("group", f"g{index}", 1, index / 20, NAN, NAN, alone) for index in range(15))
    text = text_of(with_scores(evidence, slices=many))
    assert "and 3 better ones" in text and "g11" in text and "g12" not in text


def test_each_picture_is_held_once_and_shown_in_four_panels(evidence: ModelEvidence) -> None:
    """The windows begin at the four panels of 32 pixels, 6 apart; a suspected area is framed in each."""
    html = render(evidence)
    assert html.count("data:image/jpeg") == len(evidence.pictures) and html.count("<use ") == 3 * len(evidence.pictures)
    assert all(f'viewBox="{left} 0 32 16"' in html for left in (0, 38, 76, 114))
    assert html.count('<rect x="8.0" y="4.0"') == 2 and html.count('<rect x="46.0" y="4.0"') == 2
    text = text_of(evidence)
    assert "1. a_1 · street & co · mean IoU 1.000 · accuracy 1.000" in text
    assert "1. a_1 · street & co · labelled sky, the model says <script>" in text
    assert 'class="legend"' in html and 'class="legend"' not in render(replace(evidence, classes=None))


def test_the_cost_of_a_stage_is_shown(evidence: ModelEvidence) -> None:
    """A stage without images has no speed."""
    costs = [Cost("train", 10.0, 1500.0, "x"), Cost("export", 70.0, 900.0, "x")]
    assert "train10 s 2.01,500 MB export1 min 10 s –900 MB" in text_of(replace(evidence, costs=costs))


def test_a_meter_has_its_interval_and_its_reference(evidence: ModelEvidence) -> None:
    """A whisker from low to high and a dotted line at the baseline."""
    card = render(evidence).partition("<small>Mean IoU</small>")[2].partition("</div>")[0]
    assert 'width:66.2%"></i>' in card and 'left:60.0%;width:10.0%"></u>' in card and '"></s>' in card


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_a_bar_never_leaves_its_frame(share: float) -> None:
    """Whatever the score, the bar is between nothing and full."""
    assert 0 <= width(share) <= 100


def test_numbers_are_short() -> None:
    """Nan is a dash; a small share is not zero."""
    assert (number(0.12345), number(NAN), whole(1234.5)) == ("0.123", "–", "1,234")
    assert (percent(0.5), percent(0.0), percent(0.0001), percent(NAN)) == ("50.0%", "0.0%", "<0.1%", "–")
    assert signed(-0.5) == "−0.500"


def test_charts_alone_are_inserted_without_escaping() -> None:
    """One place in all templates; a name that is misspelt is an error."""
    text = "".join(path.read_text() for path in TEMPLATES.glob("*.j2"))
    assert re.findall(r".*(?:\| *safe|autoescape|Markup).*", text) == [
        "{% macro chart(svg) %}{{ svg|safe }}{% endmacro %}"
    ]
    with pytest.raises(UndefinedError, match="misspelt"):
        environment().from_string("{{ misspelt }}").render()


def test_templates_are_installed_and_count_as_code(tmp_path: Path) -> None:
    """Every file beside Python's is package data, and a change of a template changes the MD5 of the room."""
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    room = ROOT / "pipeline/report"
    files = {path for path in room.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")}
    assert files == {path for pattern in data["pipeline.report"] for path in room.glob(pattern)} != set()
    copy = shutil.copytree(room, tmp_path / "report")
    assert md5_of_code(copy) == md5_of_code(room)
    with (copy / "templates/report.html.j2").open("a") as file:
        file.write("\n")
    assert md5_of_code(copy) != md5_of_code(room)
