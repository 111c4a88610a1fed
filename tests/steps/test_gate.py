"""Tests of the gate: it opens for whole, fresh and good evidence, and for nothing else."""

import json
import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dataset.manifest import MANIFEST
from pipeline.disk.files import md5_of
from pipeline.evaluation.bootstrap import Interval
from pipeline.evaluation.scores import NO_INTERVALS, SCORES, Evidence, Floor, Intervals, Scores
from pipeline.evaluation.slices import Slice
from pipeline.evaluation.verdict import VERDICT, Verdict
from pipeline.params import GateParams
from pipeline.report.place import GATE_PAGE, NEWEST
from pipeline.serving.model_card import MODEL
from pipeline.steps import gate as step
from pipeline.steps.gate import gate
from tests.finished_project import write_project

EVIDENCE = Evidence("model", "manifest", "test")
NAN = math.nan
FEW = "; few groups, so it is rather too narrow"
INTERVALS = Intervals(
    "group",
    0.95,
    5,
    Interval(0.8, 0.75, 0.85, 6),
    {"road": Interval(0.9, 0.8, 0.95, 6), "tree": Interval(0.7, NAN, NAN, 3)},
)
DARK = Slice("brightness", "dark", 1, 0.6, 3, 7, Interval(0.6, 0.55, 0.65, 6))
BRIGHT = Slice("brightness", "bright", 1, 0.9, 8, 9, Interval(0.9, NAN, NAN, 3))
NIGHT = Slice("group", "night", 1, NAN, NAN, NAN, Interval(NAN, NAN, NAN, 1))
GOOD = Scores(
    *(0.8, 0.9, 0.85, Floor("road", 0.3, 0.6), {"road": 0.9, "tree": 0.7}, {}, 2, 128, EVIDENCE, INTERVALS),
    slices=(DARK, BRIGHT, NIGHT),
)
OFF: dict[str, Any] = dict.fromkeys(GateParams.model_fields)
LIMITS = GateParams(**{**OFF, "min_mean_iou": 0.7})


def judge(scores: Scores, found: Evidence = EVIDENCE, **limits: Any) -> Verdict:
    """The verdict on scores by the usual limits, but for those given."""
    return gate(scores, "md5", found, LIMITS.model_copy(update=limits))


def test_good_scores_are_accepted() -> None:
    """Scores above every floor are accepted, and each floor is told."""
    verdict = judge(GOOD, min_class_iou={"tree": 0.5})
    assert verdict == Verdict(True, verdict.reasons, "md5", 0.8, EVIDENCE)
    assert verdict.reasons == (
        "mean IoU 0.8 reaches the floor 0.7 (always saying road gives 0.3000)",
        "IoU of tree 0.7 reaches the floor 0.5",
        "not shown, too rare to judge: tree (in 3 groups); an interval takes 5 groups whose labels have the class: "
        "label more with it for the test split",
        "not shown, too few to judge: brightness/bright (in 3 groups); an interval takes 5 groups: label images of "
        "that kind in more groups for the test split",
    )


def test_lower_ends_and_slices_are_judged() -> None:
    """Floors on the lower end of an interval and on a slice are told like the others."""
    verdict = judge(
        GOOD,
        min_mean_iou=None,
        min_mean_iou_low=0.7,
        min_class_iou_low={"road": 0.8},
        min_slice_iou={"brightness/dark": 0.5},
        min_slice_iou_low={"brightness/dark": 0.5},
    )
    assert verdict.accepted
    assert verdict.reasons[:4] == (
        "mean IoU of brightness/dark 0.6 reaches the floor 0.5",
        f"lower end of mean IoU 0.75 reaches the floor 0.7 (95% interval to 0.85, 6 groups{FEW})",
        f"lower end of IoU of road 0.8 reaches the floor 0.8 (95% interval to 0.95, 6 groups{FEW})",
        f"lower end of mean IoU of brightness/dark 0.55 reaches the floor 0.5 (95% interval to 0.65, 6 groups{FEW})",
    )


@pytest.mark.parametrize("empty", [None, {}])
def test_a_floor_can_be_switched_off(empty: Any) -> None:
    """Without floors sound and fresh evidence is enough, and that nothing was judged is not hidden."""
    off: dict[str, Any] = {name: None if name.startswith("min_mean") else empty for name in GateParams.model_fields}
    verdict = judge(GOOD, EVIDENCE, **off)
    assert verdict.accepted and verdict.reasons[0] == "no floor is set; the evidence is whole and fresh"
    assert not judge(replace(GOOD, mean_iou=NAN), EVIDENCE, **off).accepted


def test_too_few_units_for_any_interval_are_told() -> None:
    """An accepted verdict says that nothing has an interval; the classes are not told one by one."""
    few = replace(INTERVALS, mean_iou=Interval(0.8, NAN, NAN, 2))
    assert judge(replace(GOOD, intervals=few)).reasons[1:] == (
        "not shown: no interval, it rests on 2 groups, an interval takes 5; label more groups for the test split",
    )


def test_many_units_need_no_caution() -> None:
    """From twenty groups on an interval is told as it is, with the whole of its confidence."""
    many = replace(INTERVALS, confidence=0.975, mean_iou=Interval(0.8, 0.75, 0.85, 20))
    verdict = judge(replace(GOOD, intervals=many), min_mean_iou_low=0.7)
    assert "floor 0.7 (97.5% interval to 0.85, 20 groups)" in verdict.reasons[1]


def test_groups_that_are_left_out_are_told() -> None:
    """Whether the model is accepted or not."""
    some = replace(GOOD, intervals=replace(GOOD.intervals, num_left_out=2))
    told = "2 groups of the test split without a counted pixel are left out"
    assert judge(some).reasons[-1] == judge(some, min_mean_iou=1.0).reasons[-1] == told


def test_a_class_that_no_label_has_is_named() -> None:
    """Whether the model is accepted or not: it is in no score, and more labels may mend it."""
    stray = replace(GOOD, iou={**GOOD.iou, "tram": 0.0}, strays={"tram": 3})
    told = "predicted but in no label, so left out of the mean IoU: tram (3 pixels)"
    assert judge(stray).accepted and judge(stray).reasons[-1] == told
    assert not judge(stray, min_mean_iou=0.9).accepted and judge(stray, min_mean_iou=0.9).reasons[-1] == told


@given(st.floats(0, 1), st.floats(0, 1))
def test_the_lower_end_itself_is_enough(low: float, floor: float) -> None:
    """A lower end is accepted exactly when it is not below the floor."""
    scores = replace(GOOD, intervals=replace(INTERVALS, mean_iou=Interval(0.8, low, 1, 6)))
    assert judge(scores, min_mean_iou_low=floor).accepted == (low >= floor)


@given(st.floats(0, 1), st.floats(0, 1))
def test_the_floor_itself_is_enough(mean_iou: float, floor: float) -> None:
    """A score is accepted exactly when it is not below the floor."""
    assert judge(replace(GOOD, mean_iou=mean_iou), min_mean_iou=floor).accepted == (mean_iou >= floor)


@pytest.mark.parametrize(
    ("changes", "limits", "reason"),
    [
        ({"mean_iou": 0.65}, {}, "mean IoU 0.65 is below the floor 0.7"),
        ({"mean_iou": 0.69999996}, {}, "mean IoU 0.69999996 is below the floor 0.7"),
        ({"mean_iou": 0.7}, {"min_mean_iou": 0.70000004}, "mean IoU 0.7 is below the floor 0.70000004"),
        ({"mean_iou": 0.832336}, {"min_mean_iou": 0.832344}, "mean IoU 0.832336 is below the floor 0.832344"),
        ({"mean_iou": NAN}, {"min_mean_iou": 0.0}, "mean IoU is nan, so the floor 0 is not shown"),
        ({"mean_iou": 1.5}, {}, "mean IoU is 1.5, so the floor 0.7 is not shown"),
        ({"mean_iou": NAN}, {"min_mean_iou": None}, "mean IoU is nan, expected a share"),
        ({"iou": {"road": 0.9, "tree": NAN}}, {"min_class_iou": {"tree": 0.0}}, "IoU of tree is nan"),
        ({"iou": {"road": 7.0}}, {}, "IoU of road is 7, expected a share"),
        ({}, {"min_class_iou": {"tree": 0.75}}, "IoU of tree 0.7 is below the floor 0.75"),
        ({}, {"min_class_iou": {"tre": 0.1}}, "names 'tre', which is no class; known are road, tree"),
        ({}, {"min_class_iou_low": {"tre": 0.1}}, "gate.min_class_iou_low names 'tre', which is no class; known are"),
        (
            {},
            {"min_slice_iou": {"dark": 0.1}},
            "'dark', which is no slice; known are brightness/bright, brightness/dark, group/nig",
        ),
        ({"slices": ()}, {"min_slice_iou": {"brightness/dark": 0}}, "is no slice; known are none"),
        ({}, {"min_slice_iou": {"brightness/dark": 0.75}}, "mean IoU of brightness/dark 0.6 is below the floor 0.75"),
        ({}, {"min_slice_iou": {"group/night": 0.0}}, "mean IoU of group/night is nan, so the floor 0 is not shown"),
        (
            {},
            {"min_slice_iou_low": {"size/dark": 0}},
            "gate.min_slice_iou_low names 'size/dark', which is no slice",
        ),
        (
            {},
            {"min_slice_iou_low": {"brightness/dark": 0.56}},
            "lower end of mean IoU of brightness/dark 0.55 is below the floor 0.56 (95% interval to 0.65",
        ),
        (
            {},
            {"min_slice_iou_low": {"brightness/bright": 0}},
            "mean IoU of brightness/bright has no interval: it rests on 3 groups, an interval takes 5, so the floor 0 "
            "of its lower end is not shown to be reached; label more groups with it for the test split",
        ),
        (
            {},
            {"min_slice_iou_low": {"group/night": 0}},
            "mean IoU of group/night has no interval: a group is one unit by itself; set evaluate.bootstrap.unit to "
            "image where images are independent, or use gate.min_slice_iou",
        ),
        ({}, {"min_mean_iou_low": 0.76}, "lower end of mean IoU 0.75 is below the floor 0.76 (95% interval to 0.85"),
        ({}, {"min_class_iou_low": {"road": 0.81}}, "lower end of IoU of road 0.8 is below the floor 0.81"),
        (
            {},
            {"min_class_iou_low": {"tree": 0.0}},
            "IoU of tree has no interval: it rests on 3 groups, an interval takes 5, so the floor 0 of its lower end "
            "is not shown to be reached; label more groups with it for the test split",
        ),
        (
            {"intervals": replace(INTERVALS, iou={})},
            {"min_class_iou_low": {"road": 0}},
            "IoU of road has no interval; run",
        ),
        ({"intervals": NO_INTERVALS}, {"min_mean_iou_low": 0}, "mean IoU has no interval: it rests on 0"),
        (
            {"intervals": replace(INTERVALS, mean_iou=Interval(0.8, 0.79, 0.81, 4))},
            {"min_mean_iou_low": 0},
            "mean IoU has no interval: it rests on 4 groups, an interval takes 5",
        ),
        (
            {"intervals": replace(INTERVALS, mean_iou=Interval(0.8, 7.5, 8.5, 9))},
            {"min_mean_iou_low": 0},
            "mean IoU has no interval: its ends are 7.5 and 8.5, so the floor",
        ),
        (
            {"intervals": replace(INTERVALS, mean_iou=Interval(NAN, NAN, NAN, 6))},
            {"min_mean_iou_low": 0},
            "mean IoU has no interval: it has no score, so the floor 0",
        ),
        ({"num_images": 0}, {}, "scored were 0 images"),
        ({"num_pixels": 0}, {}, "with 0 pixels"),
    ],
)
def test_bad_scores_are_rejected(changes: dict[str, Any], limits: dict[str, Any], reason: str) -> None:
    """Low, missing and impossible scores are rejected, with the reason."""
    verdict = judge(replace(GOOD, **changes), **limits)
    assert not verdict.accepted and any(reason in told for told in verdict.reasons)


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


def test_the_report_is_put_where_people_look(project: Path) -> None:
    """The page of the stage, which claims nothing of a promotion, and a copy of it in the one place."""
    page = GATE_PAGE.read_text()
    assert NEWEST.read_text() == page and "Accepted by the gate" in page and "ot promoted" not in page


def write_nan_scores() -> None:
    """A model that scored nothing."""
    replace(Scores.read(), mean_iou=NAN).write()


def write_older_scores() -> None:
    """Scores as they were written before intervals were."""
    content = json.loads(SCORES.read_text())
    del content["intervals"]
    SCORES.write_text(json.dumps(content))


def remove(path: Path) -> None:
    """Removes a file or folder."""
    shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda: SCORES.unlink(), "work/evaluate/scores.json: not found"),
        (lambda: SCORES.write_text("{"), "work/evaluate/scores.json: is not JSON"),
        (write_nan_scores, "mean IoU is nan"),
        (lambda: replace(Scores.read(), num_images=0, num_pixels=0).write(), "scored were 0 images"),
        (lambda: replace(Scores.read(), intervals=NO_INTERVALS).write(), "mean IoU has no interval"),
        (
            write_older_scores,
            "work/evaluate/scores.json: is not what the stage `evaluate` writes (intervals: Field required",
        ),
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
