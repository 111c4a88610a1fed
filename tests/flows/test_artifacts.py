"""Tests of flows/artifacts.py; that Prefect has them is tested with the whole."""

import math

from flows.artifacts import score_rows, verdict_page
from pipeline.scores import Evidence, Floor, Scores
from pipeline.verdict import Verdict

EVIDENCE = Evidence("a.dir", "b", "c")
SCORES = Scores(
    mean_iou=0.75,
    pixel_accuracy=0.9,
    frequency_weighted_iou=0.8,
    floor=Floor("road", 0.1, 0.4),
    iou={"road": 0.75, "car": math.nan},
    classification_report={},
    num_images=2,
    num_pixels=8,
    evidence=EVIDENCE,
)


def test_each_score_has_a_row_and_the_floor_beside_it() -> None:
    """The table has the floor where there is one, and no number for a class that is not there."""
    rows = {row["score"]: (row["model"], row["always road"]) for row in score_rows(SCORES)}
    assert rows["mean IoU"] == ("0.7500", "0.1000")
    assert rows["pixel accuracy"] == ("0.9000", "0.4000")
    assert rows["IoU of car"] == ("-", "")


def test_the_verdict_names_its_reasons() -> None:
    """A page says what was decided and why."""
    page = verdict_page(Verdict(False, ("too low", "stale"), None, None, EVIDENCE))
    assert page == "# Rejected\n\n- too low\n- stale\n"
