"""Tests of the galleries."""

import base64

import pytest

from pipeline.report.evidence import ModelEvidence
from pipeline.report.galleries import gallery


def test_a_figure_has_its_picture_caption_and_panels(evidence: ModelEvidence) -> None:
    """Four panels of 32 x 16 pixels, 6 apart."""
    first, second = gallery(evidence, "worst")
    assert (first.picture.rank, first.picture.name, first.group) == (1, "a_1", "street & co")
    assert first.scores == {"mean IoU": 1.0, "accuracy": 1.0} and second.scores["accuracy"] == 0.5
    assert (first.size, first.panel_width, first.step) == ((16, 146), 32, 38)
    assert base64.b64decode(first.jpeg) == evidence.pictures[0].path.read_bytes()


def test_a_suspected_area_has_a_frame(evidence: ModelEvidence) -> None:
    """In pixels of the picture; pictures of other kinds have no frames."""
    (figure,) = gallery(evidence, "suspect")
    assert figure.frames == [[8, 4, 16, 8]] and figure.areas[0].predicted == "<script>"
    assert not gallery(evidence, "worst")[0].frames


@pytest.mark.parametrize("kind", ["worst", "random"])
def test_a_picture_that_cannot_be_read_is_left_out(evidence: ModelEvidence, kind: str) -> None:
    """The others are shown."""
    (broken, *_) = (picture for picture in evidence.pictures if picture.kind == kind)
    names = [figure.picture.name for figure in gallery(evidence, kind)]
    broken.path.write_bytes(b"no jpeg")
    assert [figure.picture.name for figure in gallery(evidence, kind)] == names[1:]
