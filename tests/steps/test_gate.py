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
from pipeline.evaluation.metrics.metric import NO_INTERVAL, MetricResult
from pipeline.evaluation.reasons import Reason
from pipeline.evaluation.scores import NO_BOOTSTRAP, SCORES, Evidence, Scores
from pipeline.evaluation.slices import Slice
from pipeline.evaluation.verdict import VERDICT, Verdict
from pipeline.params import GateParams
from pipeline.report.place import GATE_PAGE, NEWEST
from pipeline.serving.model_card import MODEL
from pipeline.steps import gate as step
from pipeline.steps.gate import gate
from tests.finished_project import write_project
from tests.made_scores import EVIDENCE, GROUPS, made_scores

NAN = math.nan
MEAN = Interval(0.8, 0.75, 0.85, 6)
BY_CLASS = {"road": Interval(0.9, 0.8, 0.95, 6), "tree": Interval(0.7, NAN, NAN, 3)}
DARK = Slice("brightness", "dark", 1, 0.6, 3, 7, Interval(0.6, 0.55, 0.65, 6))
BRIGHT = Slice("brightness", "bright", 1, 0.9, 8, 9, Interval(0.9, NAN, NAN, 3))
NIGHT = Slice("group", "night", 1, NAN, NAN, NAN, Interval(NAN, NAN, NAN, 1))


def make(**changes: Any) -> Scores:
    """Good scores, but for the changes."""
    usual: dict[str, Any] = {"interval": MEAN, "intervals": BY_CLASS, "slices": (DARK, BRIGHT, NIGHT)}
    return made_scores(**(usual | changes))


GOOD = make()


def judge(scores: Scores, current: Evidence = EVIDENCE, **tables: dict[str, float]) -> Verdict:
    """The verdict on scores by these tables of thresholds alone."""
    return gate(scores, "md5", current, GateParams(**({"floors": {}, "floors_low": {}, "ceilings": {}} | tables)))


def codes(verdict: Verdict) -> list[str]:
    """The codes of the reasons, in order."""
    return [reason.code for reason in verdict.reasons]


def test_good_scores_are_accepted() -> None:
    """Scores that keep every threshold are accepted, with a reason for each and for all that is too rare to judge."""
    verdict = judge(GOOD, floors={"mean_iou": 0.7, "iou/tree": 0.5})
    assert verdict == Verdict(True, verdict.reasons, "md5", 0.8, EVIDENCE)
    assert verdict.reasons == (
        Reason("reaches_floor", {"name": "iou/tree", "value": 0.7, "threshold": 0.5}),
        Reason(
            "reaches_floor",
            {"name": "mean_iou", "value": 0.8, "threshold": 0.7, "baseline": 0.3, "baseline_class": "road"},
        ),
        Reason("classes_too_rare", {"min_units": 5, "unit": "group", "listed": "tree (in 3 groups)"}),
        Reason("slices_too_small", {"min_units": 5, "unit": "group", "listed": "brightness/bright (in 3 groups)"}),
    )


@pytest.mark.parametrize("name", ["pixel_accuracy", "boundary_iou", "boundary_iou/tree", "mean_iou/brightness/dark"])
def test_every_number_can_be_gated_by_its_name(name: str) -> None:
    """Overall, by class and by slice, of any metric: from below as from above."""
    value = GOOD.numbers()[name].value
    assert codes(judge(GOOD, floors={name: value}))[0] == "reaches_floor"
    assert codes(judge(GOOD, ceilings={name: value}))[0] == "within_ceiling"
    assert codes(judge(GOOD, floors={name: value + 0.01})) == ["below_floor"]
    assert codes(judge(GOOD, ceilings={name: value - 0.01})) == ["above_ceiling"]


def test_lower_ends_are_judged() -> None:
    """A floor on the lower end of an interval says how far the interval reaches and on how many units it rests."""
    verdict = judge(GOOD, floors_low={"mean_iou": 0.7, "iou/road": 0.8, "mean_iou/brightness/dark": 0.5})
    assert verdict.accepted and codes(verdict)[:3] == ["reaches_floor"] * 3
    rest = {"confidence": 0.95, "num_units": 6, "num_effective": None, "min_units": 5, "unit": "group"}
    assert verdict.reasons[1].values == {"name": "mean_iou", "value": 0.75, "threshold": 0.7, "high": 0.85} | rest


def test_thresholds_can_be_switched_off() -> None:
    """Without thresholds sound and fresh evidence is enough, and the verdict says that nothing was judged."""
    assert judge(GOOD).accepted and codes(judge(GOOD))[0] == "no_threshold"
    assert not judge(make(mean_iou=NAN)).accepted


def test_too_few_units_for_any_interval_are_reported() -> None:
    """An accepted verdict says that nothing has an interval; the classes are not listed one by one."""
    few = judge(make(interval=Interval(0.8, NAN, NAN, 2)), floors={"mean_iou": 0.5})
    assert few.accepted and few.reasons[1:] == (
        Reason("nothing_demonstrated", {"min_units": 5, "unit": "group", "num_units": 2}),
    )


@pytest.mark.parametrize("floor", [0.5, 1.0])
def test_caveats_come_last_whatever_the_verdict(floor: float) -> None:
    """Groups that are left out, classes that no label has, and units that are alike."""
    some = make(bootstrap=replace(GROUPS, unit="image", num_left_out=2, within_groups=True), strays={"tram": 3})
    assert judge(some, floors={"mean_iou": floor}).reasons[-3:] == (
        Reason("strays", {"listed": "tram (3 pixels)"}),
        Reason("left_out", {"num_units": 2, "unit": "image"}),
        Reason("of_one_group", {"unit": "image"}),
    )


@given(st.floats(0, 1), st.floats(0, 1))
def test_the_lower_end_itself_is_enough(low: float, floor: float) -> None:
    """A lower end is accepted exactly when it is not below the floor."""
    scores = make(interval=Interval(0.8, low, 1, 6))
    assert judge(scores, floors_low={"mean_iou": floor}).accepted == (low >= floor)


@given(st.floats(0, 1), st.floats(0, 1))
def test_the_threshold_itself_is_enough(value: float, threshold: float) -> None:
    """A score is accepted exactly when it is not below the floor and not above the ceiling."""
    assert judge(make(mean_iou=value), floors={"mean_iou": threshold}).accepted == (value >= threshold)
    assert judge(make(mean_iou=value), ceilings={"mean_iou": threshold}).accepted == (value <= threshold)


@pytest.mark.parametrize(
    ("changes", "tables", "code"),
    [
        ({"mean_iou": 0.65}, {"floors": {"mean_iou": 0.7}}, "below_floor"),
        ({"mean_iou": 0.69999996}, {"floors": {"mean_iou": 0.7}}, "below_floor"),
        ({"mean_iou": NAN}, {"floors": {"mean_iou": 0.0}}, "no_score"),
        ({"mean_iou": NAN}, {"ceilings": {"mean_iou": 1.0}}, "no_score"),
        ({"mean_iou": 1.5}, {"floors": {"mean_iou": 0.7}}, "no_score"),
        ({"mean_iou": NAN}, {}, "not_a_share"),
        ({"iou": {"road": 7.0}}, {}, "not_a_share"),
        ({"metrics": {"boundary_iou": MetricResult(-0.1)}}, {}, "not_a_share"),
        ({"iou": {"road": 0.9, "tree": NAN}}, {"floors": {"iou/tree": 0.0}}, "no_score"),
        ({}, {"floors": {"iou/tree": 0.75}}, "below_floor"),
        ({}, {"floors": {"iou/tre": 0.1}}, "unknown_name"),
        ({}, {"floors_low": {"iou/tre": 0.1}}, "unknown_name"),
        ({}, {"ceilings": {"calibration": 0.1}}, "unknown_name"),
        ({"slices": ()}, {"floors": {"mean_iou/brightness/dark": 0}}, "unknown_name"),
        ({}, {"floors": {"mean_iou/brightness/dark": 0.75}}, "below_floor"),
        ({}, {"floors": {"mean_iou/group/night": 0.0}}, "no_score"),
        ({}, {"floors_low": {"mean_iou/brightness/dark": 0.56}}, "below_floor"),
        ({}, {"floors_low": {"mean_iou/brightness/bright": 0}}, "no_interval"),
        ({}, {"floors_low": {"mean_iou/group/night": 0}}, "group_is_one_unit"),
        ({}, {"floors_low": {"mean_iou": 0.76}}, "below_floor"),
        ({}, {"floors_low": {"iou/tree": 0.0}}, "no_interval"),
        ({}, {"floors_low": {"boundary_iou": 0.0}}, "no_interval"),
        ({"intervals": {}}, {"floors_low": {"iou/road": 0}}, "no_interval"),
        ({"bootstrap": NO_BOOTSTRAP, "interval": NO_INTERVAL}, {"floors_low": {"mean_iou": 0}}, "no_interval"),
        ({"interval": Interval(0.8, 0.79, 0.81, 4)}, {"floors_low": {"mean_iou": 0}}, "no_interval"),
        ({"interval": Interval(0.8, 7.5, 8.5, 9)}, {"floors_low": {"mean_iou": 0}}, "no_interval"),
        ({"num_images": 0}, {}, "no_pixels"),
        ({"num_pixels": 0}, {}, "no_pixels"),
    ],
)
def test_bad_scores_are_rejected(changes: dict[str, Any], tables: dict[str, Any], code: str) -> None:
    """Low, missing and impossible scores are rejected, with the reason."""
    verdict = judge(make(**changes), **tables)
    assert not verdict.accepted and code in codes(verdict)


@pytest.mark.parametrize("part", ["model_md5", "manifest_md5", "test_md5"])
def test_stale_scores_are_rejected(part: str) -> None:
    """Scores of another model or other data are rejected, however good."""
    verdict = judge(GOOD, replace(EVIDENCE, **{part: "new"}))
    assert not verdict.accepted
    assert verdict.reasons == (Reason("stale", {"part": part, "current": "new", "scored": getattr(EVIDENCE, part)}),)


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
    write_mean_iou(MetricResult(NAN, {"sky": NAN, "road": NAN}))


def write_mean_iou(result: MetricResult) -> None:
    """The scores with another mean IoU."""
    scores = Scores.read()
    replace(scores, metrics={**scores.metrics, "mean_iou": result}).write()


def write_older_scores() -> None:
    """Scores as they were written before intervals were."""
    content = json.loads(SCORES.read_text())
    del content["bootstrap"]
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
        (lambda: write_mean_iou(MetricResult(0.8, {"sky": 0.7, "road": 0.9})), "mean IoU has no interval"),
        (
            write_older_scores,
            "work/evaluate/scores.json: is not what the stage `evaluate` writes (bootstrap: Field required",
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
    assert not verdict.accepted and any(sentence.startswith(reason) for sentence in verdict.sentences)
    assert "REJECTED\n- " in capsys.readouterr().out
