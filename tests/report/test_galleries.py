"""Tests of the galleries."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.report.evidence import Dossier, read_dossier
from pipeline.report.galleries import gallery, legend
from tests.evaluated_work import write_evaluated


@pytest.fixture
def dossier(tmp_path: Path) -> Dossier:
    """Of all that the stages left."""
    write_evaluated(tmp_path / "work")
    return read_dossier(tmp_path / "work", None, ())


def test_each_picture_is_held_once_and_shown_in_four_panels(dossier: Dossier) -> None:
    """The windows begin at the four panels of 32 pixels, 6 apart."""
    html = gallery(dossier, "worst")
    assert html.count("data:image/jpeg") == 2 and html.count("<use ") == 6
    assert [f'viewBox="{left} 0 32 16"' in html for left in (0, 38, 76, 114)] == [True] * 4
    assert "1. <b>a_1</b> &middot; street &amp; co &middot; mean IoU 1.000" in html


def test_a_suspected_area_is_framed_and_told(dossier: Dossier) -> None:
    """The frame is at its place in each panel; pictures of other kinds have none."""
    html = gallery(dossier, "suspect")
    assert "labelled sky, the model says &lt;script&gt;" in html
    assert html.count('x="8.0" y="4.0" width="16.0" height="8.0"') == 2 and 'x="46.0" y="4.0"' in html
    assert "<rect" not in gallery(dossier, "worst")


def test_a_picture_that_cannot_be_read_is_left_out(dossier: Dossier) -> None:
    """The others are shown."""
    dossier.pictures[1].path.write_bytes(b"no jpeg")
    html = gallery(dossier, "worst")
    assert "<b>a_1</b>" in html and "<b>b</b>" not in html


def test_the_legend_names_the_classes(dossier: Dossier) -> None:
    """Without known classes there is none."""
    assert "rgb(90, 90, 90)" in legend(dossier) and "&lt;script&gt;" in legend(dossier)
    assert legend(replace(dossier, classes=None)) == ""
