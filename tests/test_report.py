"""Tests of the evaluation report."""

import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from pipeline.dataset import ClassList
from pipeline.report import Report, Shown
from pipeline.scores import Evidence
from pipeline.scoring import scores_of

CLASSES = ClassList(("sky", "<script>", "absent"), ((0, 0, 255), (90, 90, 90), (1, 2, 3)), 255)
MATRIX = np.array([[70, 10, 0], [5, 15, 0], [0, 0, 0]])
VOID = {"meta", "img", "br", "link", "input"}


class Checker(HTMLParser):
    """Holds that tags are closed in order, and gathers the addresses and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Remembers it as open."""
        self.open += [tag] * (tag not in VOID)
        self.addresses += [value or "" for name, value in attributes if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        """Has to be the one opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Gathers the text."""
        self.words.append(data)


@pytest.fixture
def report() -> Report:
    """A report of three classes, one of them absent, with an image of each kind."""
    shown = Shown("img_1", "street & co", 0.25, math.nan, (b"a", b"b", b"c", b"d"))
    columns = ("epoch", "loss", "val_loss", "val_mean_iou", "val_pixel_accuracy", "learning_rate")
    history = [dict(zip(columns, values, strict=True)) for values in ((1, 2, 2, 0.3, 0.5, 1), (2, 1, 1, 0.6, 0.7, 0))]
    return Report(
        scores=scores_of(MATRIX, CLASSES, "sky", 7, Evidence("m", "n", "t")),
        classes=CLASSES,
        matrix=MATRIX,
        train_pixels={"sky": 900, "<script>": 100, "absent": 0},
        history=history,
        num_images_by_iou=[0] * 19 + [7],
        worst=[shown],
        random=[shown, replace(shown, name="img_2")],
        facts={"Data": [("manifest, MD5", "0123abcd")], "Empty": []},
    )


def check(html: str) -> Checker:
    """Parses a page."""
    checker = Checker()
    checker.feed(html)
    assert not checker.open
    return checker


def test_report_is_one_whole_page(report: Report) -> None:
    """Tags are closed, and nothing is fetched: pictures are inside, links stay on the page and have a target."""
    html = report.to_html()
    addresses = check(html).addresses
    assert all(address.startswith(("#", "data:image/jpeg;base64,")) for address in addresses)
    assert all(f'id="{address[1:]}"' in html for address in addresses if address.startswith("#"))
    assert not re.search(r"https?://(?!www\.w3\.org/)|@import|url\(", html)


def test_report_tells_scores_beside_the_floor(report: Report) -> None:
    """The headline has the mean IoU, the cards have floors, the table has a row for each class and average."""
    words = " ".join(check(report.to_html()).words)
    assert "Mean IoU 0.662 on 7 test images" in words
    assert "floor 0.400, always “sky”" in words
    assert all(word in words for word in ("micro average", "macro average", "weighted average", "0123abcd", "epoch 2"))
    assert "<script> → sky" in words


def test_report_escapes_names(report: Report) -> None:
    """A class called like a tag is text."""
    html = report.to_html()
    assert "<script" not in html
    assert "street &amp; co" in html


def test_report_without_training_or_pictures(report: Report) -> None:
    """A model that was trained elsewhere, and no picture asked for: the rest is still told."""
    html = replace(report, history=[], worst=[], random=[], facts={}).to_html()
    assert "No history of the training" in " ".join(check(html).words)
    assert "<img" not in html


def test_report_of_a_perfect_model_has_no_mistakes(report: Report) -> None:
    """There is no table of mistakes where there are none."""
    assert "Most frequent mistakes" not in replace(report, matrix=np.diag([5, 5, 0])).to_html()


def test_report_has_equal_bytes_and_knows_dark_mode(report: Report) -> None:
    """Equal content gives an equal page."""
    html = report.to_html()
    assert html == replace(report).to_html()
    assert "prefers-color-scheme:dark" in html
    assert 'name="viewport"' in html
