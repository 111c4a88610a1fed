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
from pipeline.evaluation.metrics.metric import Bin, MetricResult
from pipeline.evaluation.reasons import Reason
from pipeline.evaluation.scores import Baseline, Scores, compare_evidence, evidence_of, md5_of_test_split
from pipeline.evaluation.slices import Slice
from tests.made_scores import EVIDENCE, made_scores

NOTHING = Interval(math.nan, math.nan, math.nan, 0)
BINS = (Bin(0.0, 0.5, 0, math.nan, math.nan), Bin(0.5, 1.0, 64, 0.75, 0.625))
SCORES = made_scores(
    0.5,
    {"road": 0.5, "tree": math.nan},
    interval=Interval(0.5, 0.25, 0.75, 8, 7.5),
    intervals={"tree": NOTHING},
    metrics={"calibration_error": MetricResult(0.125, bins=BINS)},
    baseline=Baseline("road", 0.25, 0.5),
    slices=(
        Slice("group", "a", 2, 0.5, math.nan, math.nan, Interval(0.5, 0.25, 0.75, 6, 5.5)),
        Slice("brightness", "dark", 1, math.nan, 3.5, 7.0, Interval(math.nan, math.nan, math.nan, 1)),
    ),
    strays={"tree": 3},
)


def row(name: str, split: str = "test", md5: str = "1") -> ManifestRow:
    """A row of a manifest."""
    return ManifestRow(name, Path("image"), Path("mask"), "group", split, 8, 8, md5, "2")


def test_round_trip_in_the_agreed_form(tmp_path: Path) -> None:
    """Scores are read as they were written, and the file has the agreed names, with null for nan."""
    path = tmp_path / "scores.json"
    SCORES.write(path)
    content = json.loads(path.read_text())
    assert content["metrics"]["mean_iou"]["by_class"] == {"road": 0.5, "tree": None}
    assert content["metrics"]["mean_iou"]["interval"] == {
        **{"estimate": 0.5, "low": 0.25, "high": 0.75, "num_units": 8, "num_effective": 7.5}
    }
    assert content["baseline"] == {"class_name": "road", "mean_iou": 0.25, "pixel_accuracy": 0.5}
    assert content["slices"][1] == {
        **{"kind": "brightness", "name": "dark", "num_images": 1, "mean_iou": None},
        **{"low": 3.5, "high": 7},
        "interval": {"estimate": None, "low": None, "high": None, "num_units": 1, "num_effective": None},
    }
    again = Scores.read(path)
    np.testing.assert_equal(asdict(again), asdict(SCORES))  # nan is itself here, in lists and tables too
    again.write(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()


def test_every_number_has_a_name() -> None:
    """Overall, by class and by slice, each with its interval."""
    numbers = SCORES.numbers()
    assert set(numbers) == {
        *(
            "mean_iou",
            "iou/road",
            "iou/tree",
            "pixel_accuracy",
            "boundary_iou",
            "boundary_iou/road",
            "boundary_iou/tree",
        ),
        *("calibration_error", "mean_iou/group/a", "mean_iou/brightness/dark"),
    }
    assert numbers["mean_iou"] == (0.5, Interval(0.5, 0.25, 0.75, 8, 7.5))
    assert not numbers["boundary_iou"].interval.is_shown
    assert numbers["mean_iou/group/a"] == (0.5, Interval(0.5, 0.25, 0.75, 6, 5.5))


def test_equal_scores_give_equal_bytes(tmp_path: Path) -> None:
    """The order in which classes are given does not show in the file."""
    SCORES.write(tmp_path / "a")
    replace(SCORES, support={"tree": 64, "road": 64}).write(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("num_images", 1.5, "num_images: Input should be a valid integer, found 1.5"),
        ("num_pixels", -1, "num_pixels: Input should be greater than or equal to 0, found -1"),
        (
            "evidence",
            {"model_md5": 1, "manifest_md5": "", "test_md5": ""},
            "evidence.model_md5: Input should be a valid string, found 1",
        ),
        (
            "metrics",
            {"mean_iou": {"value": "high"}},
            "metrics.mean_iou.value: Input should be a valid number, found 'high'",
        ),
        ("metrics", {"mean_iou": {"value": 1.0, "by_class": None}}, "mean_iou.by_class: Input should be an object"),
        ("metrics", {"pixel_accuracy": {"value": 1.0}}, "metrics: no mean_iou"),
        (
            "metrics",
            {"mean_iou": {"value": 1.0, "bins": [{"num_pixels": -3}]}},
            "bins.0.num_pixels: Input should be greater",
        ),
        ("metrics", {"mean_iou": {"value": 1.0, "interval": 0.5}}, "an object, found 0.5"),
        ("baseline", {}, "baseline.class_name: Field required"),
        ("bootstrap", {}, "bootstrap.unit: Field required"),
        ("bootstrap", {"unit": "<b>"}, "bootstrap.unit: Input should be 'group', 'image', 'block' or ''"),
        ("slices", [{"kind": "<b>"}], "slices.0.kind: Input should be 'group', 'size' or 'brightness', found '<b>'"),
        ("slices", [{"name": 3}], "slices.0.name: Input should be a valid string, found 3"),
        ("slices", [{"kind": "size", "name": "small", "low": 1, "high": 2}], "slices.0.num_images: Field required"),
        ("slices", None, "slices: Input should be a valid array"),
        ("strays", {"tree": -1}, "strays.tree: Input should be greater than or equal to 0, found -1"),
        ("support", {"tree": -1}, "support.tree: Input should be greater than or equal to 0, found -1"),
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


@pytest.mark.parametrize("name", ["metrics", "baseline", "bootstrap", "slices", "strays"])
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


def test_stale_evidence_is_named_by_part() -> None:
    """Each part of the evidence that changed has a reason, and none if all is the same."""
    assert compare_evidence(EVIDENCE, EVIDENCE) == []
    assert compare_evidence(EVIDENCE, replace(EVIDENCE, test_md5="new")) == [
        Reason("stale", {"part": "test_md5", "current": "new", "scored": "test"})
    ]
