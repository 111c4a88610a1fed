"""Tests of the scores' file and their evidence."""

import json
import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dataset.manifest import ManifestRow
from pipeline.errors import EvidenceError
from pipeline.evaluation.bootstrap import Interval
from pipeline.evaluation.boundary import BoundaryScores
from pipeline.evaluation.calibration import Bin, Calibration
from pipeline.evaluation.scores import (
    AVERAGES,
    Evidence,
    Floor,
    Intervals,
    ReportRow,
    Scores,
    compare_evidence,
    evidence_of,
    md5_of_test_split,
)
from pipeline.evaluation.slices import Slice

EVIDENCE = Evidence("model", "manifest", "test")
ROW = ReportRow(0.5, 0.25, 1 / 3, 64)
SCORES = Scores(
    mean_iou=0.5,
    pixel_accuracy=0.75,
    frequency_weighted_iou=0.6,
    floor=Floor("road", 0.25, 0.5),
    iou={"road": 0.5, "tree": math.nan},
    classification_report={"road": ROW, "tree": ReportRow(math.nan, math.nan, math.nan, 0)}
    | dict.fromkeys(AVERAGES, ROW),
    num_images=2,
    num_pixels=64,
    evidence=EVIDENCE,
    intervals=Intervals(
        "group", 0.95, 5, Interval(0.5, 0.25, 0.75, 8), {"tree": Interval(math.nan, math.nan, math.nan, 0)}
    ),
    boundary=BoundaryScores(0.5, 0.25, {"road": 0.5, "tree": math.nan}, {"road": 0.25, "tree": math.nan}, 0.02, 2),
    calibration=Calibration(0.125, (Bin(0.0, 0.5, 0, math.nan, math.nan), Bin(0.5, 1.0, 64, 0.75, 0.625))),
    slices=(
        Slice("group", "a", 2, 0.5, math.nan, math.nan, Interval(0.5, 0.25, 0.75, 6)),
        Slice("brightness", "dark", 1, math.nan, 3.5, 7.0, Interval(math.nan, math.nan, math.nan, 1)),
    ),
    strays={"tree": 3},
)


INTERVAL = {"estimate": None, "low": None, "high": None, "num_units": 1}


def row(name: str, split: str = "test", md5: str = "1") -> ManifestRow:
    """A row of a manifest."""
    return ManifestRow(name, Path("image"), Path("mask"), "group", split, 8, 8, md5, "2")


def test_round_trip_in_the_agreed_form(tmp_path: Path) -> None:
    """Scores are read as they were written, and the file has the agreed names, with null for nan."""
    path = tmp_path / "scores.json"
    SCORES.write(path)
    content = json.loads(path.read_text())
    assert content["iou"] == {"road": 0.5, "tree": None}
    assert content["floor"] == {"class": "road", "mean_iou": 0.25, "pixel_accuracy": 0.5}
    assert content["classification_report"]["tree"] == {"precision": None, "recall": None, "f1": None, "support": 0}
    found = Scores.read(path)
    assert content["intervals"]["mean_iou"] == {"estimate": 0.5, "low": 0.25, "high": 0.75, "num_units": 8}
    assert content["slices"][1] == {
        **{"kind": "brightness", "name": "dark", "num_images": 1, "mean_iou": None},
        **{"low": 3.5, "high": 7},
        "interval": {"estimate": None, "low": None, "high": None, "num_units": 1},
    }
    np.testing.assert_equal(asdict(found), asdict(SCORES))  # nan is itself here, in lists and tables too
    found.write(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()


def test_equal_scores_give_equal_bytes(tmp_path: Path) -> None:
    """The order in which classes are given does not show in the file."""
    SCORES.write(tmp_path / "a")
    replace(SCORES, iou={"tree": math.nan, "road": 0.5}).write(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("mean_iou", "high", "mean_iou: Input should be a valid number, found 'high'"),
        ("num_images", 1.5, "num_images: Input should be a valid integer, found 1.5"),
        ("num_pixels", -1, "num_pixels: Input should be greater than or equal to 0, found -1"),
        (
            "evidence",
            {"model_md5": 1, "manifest_md5": "", "test_md5": ""},
            "evidence.model_md5: Input should be a valid string, found 1",
        ),
        ("iou", None, "iou: Input should be an object, found nan"),
        ("floor", {}, "floor.class_name: Field required"),
        ("intervals", {}, "intervals.unit: Field required"),
        ("intervals", {"unit": "<b>"}, "intervals.unit: Input should be 'group', 'image' or '', found '<b>'"),
        ("slices", [{"kind": "<b>"}], "slices.0.kind: Input should be 'group', 'size' or 'brightness', found '<b>'"),
        ("classification_report", {}, "classification_report lacks 'macro avg'"),
        (
            "intervals",
            {"unit": "group", "confidence": 0.9, "min_units": 5, "mean_iou": 0.5, "iou": {}},
            "an object, found 0.5",
        ),
        ("boundary", {"mean_iou": True}, "boundary.mean_iou: Input should be a valid number, found True"),
        (
            "calibration",
            {"error": 0.5, "bins": [{"low": 0, "high": 1, "num_pixels": -3}]},
            "calibration.bins.0.num_pixels: Input should be greater than or equal to 0, found -3",
        ),
        ("slices", [{"name": 3}], "slices.0.name: Input should be a valid string, found 3"),
        ("slices", [{"kind": "size", "name": "small", "low": 1, "high": 2}], "slices.0.num_images: Field required"),
        ("slices", None, "slices: Input should be a valid array"),
        ("strays", {"tree": -1}, "strays.tree: Input should be greater than or equal to 0, found -1"),
    ],
)
def test_other_content_is_refused(tmp_path: Path, name: str, value: Any, message: str) -> None:
    """A file that the stage did not write is named, with what is wrong in it."""
    path = tmp_path / "scores.json"
    SCORES.write(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | {name: value}))
    with pytest.raises(EvidenceError, match="is not what the stage `evaluate` writes") as info:
        Scores.read(path)
    assert message in str(info.value)


@pytest.mark.parametrize("name", ["intervals", "boundary", "calibration", "slices", "strays"])
def test_scores_of_an_older_evaluation_are_refused(tmp_path: Path, name: str) -> None:
    """A file without a part that is written today is not read as one with an empty part."""
    path = tmp_path / "scores.json"
    SCORES.write(path)
    path.write_text(json.dumps({part: value for part, value in json.loads(path.read_text()).items() if part != name}))
    with pytest.raises(EvidenceError, match=f"writes .{name}: Field required.; run it again"):
        Scores.read(path)


def test_missing_scores_are_named(tmp_path: Path) -> None:
    """Without a file the message says which stage writes it."""
    with pytest.raises(EvidenceError, match="not found; the stage `evaluate` writes it"):
        Scores.read(tmp_path / "scores.json")


@given(st.permutations([row("a"), row("b"), row("c", split="train")]))
def test_test_split_has_one_md5_in_any_order(rows: list[ManifestRow]) -> None:
    """The MD5 of the test split depends neither on the order nor on other splits."""
    assert md5_of_test_split(rows) == md5_of_test_split([row("a"), row("b")])


def test_another_image_is_another_test_split() -> None:
    """A changed image, or one more, gives another MD5."""
    assert len({md5_of_test_split(rows) for rows in ([row("a")], [row("a", md5="3")], [row("a"), row("b")])}) == 3


def test_evidence_of_what_is_missing(tmp_path: Path) -> None:
    """A missing model or manifest is named."""
    (tmp_path / "model").mkdir()
    for model, manifest in (("gone", "model"), ("model", "gone")):
        with pytest.raises(EvidenceError, match=r"gone: not found; expected what is to be scored, run `dvc repro`"):
            evidence_of(tmp_path / model, [], tmp_path / manifest)


def test_stale_evidence_is_told_by_part() -> None:
    """Each part of the evidence that differs is told, and none where all is the same."""
    assert compare_evidence(EVIDENCE, EVIDENCE) == []
    (told,) = compare_evidence(EVIDENCE, replace(EVIDENCE, test_md5="new"))
    assert told == "stale: the test split is new, scored was test; run `dvc repro` again"
