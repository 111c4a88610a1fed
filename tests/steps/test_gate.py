"""Tests of the gate: it opens for whole, fresh and good evidence, and for nothing else."""

import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.files import md5_of
from pipeline.manifest import MANIFEST
from pipeline.model_card import MODEL
from pipeline.params import GateParams
from pipeline.scores import SCORES, Evidence, Floor, Scores
from pipeline.steps import gate as step
from pipeline.steps.gate import gate
from pipeline.verdict import VERDICT, Verdict
from tests.finished_project import write_project

EVIDENCE = Evidence("model", "manifest", "test")
GOOD = Scores(0.8, 0.9, 0.85, Floor("road", 0.3, 0.6), {"road": 0.9, "tree": 0.7}, {}, 2, 128, EVIDENCE)
LIMITS = GateParams(min_mean_iou=0.7, min_class_iou={})


def judge(scores: Scores, found: Evidence = EVIDENCE, **limits: Any) -> Verdict:
    """The verdict on scores by the usual limits, but for those given."""
    return gate(scores, "md5", found, LIMITS.model_copy(update=limits))


def test_good_scores_are_accepted() -> None:
    """Scores above every floor are accepted, and each floor is told."""
    verdict = judge(GOOD, min_class_iou={"tree": 0.5})
    assert verdict == Verdict(True, verdict.reasons, "md5", 0.8, EVIDENCE)
    assert verdict.reasons == (
        "mean IoU 0.8 reaches the floor 0.7 (always road: 0.3000)",
        "IoU of tree 0.7 reaches the floor 0.5",
    )


@given(st.floats(0, 1), st.floats(0, 1))
def test_the_floor_itself_is_enough(mean_iou: float, floor: float) -> None:
    """A score is accepted exactly when it is not below the floor."""
    assert judge(replace(GOOD, mean_iou=mean_iou), min_mean_iou=floor).accepted == (mean_iou >= floor)


@pytest.mark.parametrize(
    ("changes", "limits", "reason"),
    [
        ({"mean_iou": 0.65}, {}, "mean IoU 0.65 is below the floor 0.7"),
        ({"mean_iou": math.nan}, {"min_mean_iou": 0.0}, "mean IoU is nan, so the floor 0 is not shown"),
        ({"mean_iou": 1.5}, {}, "mean IoU is 1.5, so the floor 0.7 is not shown"),
        ({"iou": {"road": 0.9, "tree": math.nan}}, {"min_class_iou": {"tree": 0.0}}, "IoU of tree is nan"),
        ({"iou": {"road": 7.0}}, {}, "IoU of road is 7, expected a share"),
        ({}, {"min_class_iou": {"tree": 0.75}}, "IoU of tree 0.7 is below the floor 0.75"),
        ({}, {"min_class_iou": {"tre": 0.1}}, "names 'tre', which is no class; known are road, tree"),
        ({"num_images": 0}, {}, "scored were 0 images"),
        ({"num_pixels": 0}, {}, "with 0 pixels"),
    ],
)
def test_bad_scores_are_rejected(changes: dict[str, Any], limits: dict[str, Any], reason: str) -> None:
    """Low, missing and impossible scores are rejected, with the reason."""
    verdict = judge(replace(GOOD, **changes), **limits)
    assert not verdict.accepted and reason in verdict.reasons[0]


@pytest.mark.parametrize("part", ["model_md5", "manifest_md5", "test_md5"])
def test_stale_scores_are_rejected(part: str) -> None:
    """Scores of another model or other data are rejected, however good."""
    verdict = judge(GOOD, replace(EVIDENCE, **{part: "new"}))
    assert not verdict.accepted and verdict.reasons[0].startswith("stale: the ")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a project that the gate accepted."""
    write_project(tmp_path, monkeypatch)
    return tmp_path


def test_the_stage_writes_the_same_bytes_again(project: Path) -> None:
    """The verdict of a finished project is accepted, and equal when the stage runs again."""
    before = VERDICT.read_bytes()
    step.main()
    assert VERDICT.read_bytes() == before
    verdict = Verdict.read()
    assert verdict.accepted and verdict.scores_md5 == md5_of(SCORES)


def remove(path: Path) -> None:
    """Removes a file or folder."""
    shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda: SCORES.unlink(), "work/evaluate/scores.json: not found"),
        (lambda: SCORES.write_text("{"), "work/evaluate/scores.json: is not JSON"),
        (lambda: SCORES.write_text("{}"), "work/evaluate/scores.json: is not what the stage `evaluate` writes"),
        (lambda: MANIFEST.unlink(), "work/validate/manifest.csv: not found"),
        (lambda: remove(MODEL), "work/export/model: not found"),
        (lambda: (MODEL / "variables/variables.index").write_text("other"), "stale: the model is"),
        (lambda: MANIFEST.write_text(MANIFEST.read_text().replace("0.png", "9.png")), "stale: the manifest is"),
        (lambda: MANIFEST.write_text(MANIFEST.read_text().splitlines()[0]), "stale: the test split is"),
    ],
)
def test_spoiled_evidence_is_rejected(
    project: Path, capsys: pytest.CaptureFixture[str], spoil: Callable[[], Any], reason: str
) -> None:
    """Missing, unreadable and stale files end as a rejected verdict, not as a failure and not as an open gate."""
    spoil()
    step.main()
    verdict = Verdict.read()
    assert not verdict.accepted and any(told.startswith(reason) for told in verdict.reasons)
    assert "REJECTED\n- " in capsys.readouterr().out
