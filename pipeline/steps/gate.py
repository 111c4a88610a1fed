"""Judges the scores by the thresholds in params; missing, nan or stale evidence rejects. Then writes the report."""

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.dataset.manifest import read_manifest
from pipeline.disk.files import md5_of, written_whole
from pipeline.disk.records import nan_as_null
from pipeline.errors import EvidenceError
from pipeline.evaluation.bootstrap import Interval
from pipeline.evaluation.reasons import Reason, Value
from pipeline.evaluation.scores import SCORES, Bootstrap, Evidence, Number, Scores, compare_evidence, evidence_of
from pipeline.evaluation.verdict import VERDICT, Verdict
from pipeline.evaluation.wording import strays, units
from pipeline.params import GateParams, read_params
from pipeline.report.place import GATE_PAGE, NEWEST, publish_gate_page
from pipeline.report.render import render_report
from pipeline.runtime.program import run_stage
from pipeline.runtime.stages import WORK
from pipeline.serving.model_card import MODEL
from pipeline.text import show_names

KEPT = {"reaches_floor", "within_ceiling"}


def gate(scores: Scores, scores_md5: str, current: Evidence, limits: GateParams) -> Verdict:
    """Accepts a model whose scores keep every threshold.

    The evidence `current` is of model and test split as they are now. A number without score or interval keeps no
    threshold. A rejected model gets every reason, an accepted one the classes and slices that are too rare to judge.
    Both get what is left out of the scores.
    """
    judged = list(_judge(scores, limits))
    against = [*compare_evidence(scores.evidence, current), *_unsound(scores)]
    against += [reason for reason in judged if reason.code not in KEPT]
    mean_iou = scores.mean_iou if _is_share(scores.mean_iou) else None
    reasons = against or [*(judged or [Reason("no_threshold", {})]), *_too_rare(scores)]
    return Verdict(not against, (*reasons, *_caveats(scores)), scores_md5, mean_iou, scores.evidence)


def main() -> Mapping[str, Any]:
    """Reads the evidence, writes verdict and report; a rejected model is a result. Returns the summary."""
    limits = read_params().gate
    try:
        verdict = gate(Scores.read(), md5_of(SCORES), evidence_of(MODEL, read_manifest()), limits)
    except EvidenceError as err:  # missing evidence is a verdict too, and never an open gate
        verdict = Verdict(False, (Reason("evidence", {"problem": str(err)}),), None, None, None)
    verdict.write()
    with written_whole(GATE_PAGE) as beside:
        beside.write_text(render_report(WORK, None), encoding="utf-8")
    print(verdict)
    publish_gate_page()
    print(f"report: {NEWEST}")
    return {"accepted": verdict.accepted, "mean_iou": verdict.mean_iou, "verdict_md5": md5_of(VERDICT)}


def _judge(scores: Scores, limits: GateParams) -> Iterator[Reason]:
    """A reason for each threshold, kept or not."""
    numbers = scores.numbers()
    for param, thresholds in limits:
        for name, threshold in sorted(thresholds.items()):
            if name not in numbers:
                values: dict[str, Value] = {"param": param, "name": name, "known": show_names(numbers)}
                yield Reason("unknown_name", values)
            elif param == "floors_low":
                yield _judge_low_end(name, numbers[name].interval, threshold, scores.bootstrap)
            else:
                yield _judge_value(name, numbers[name], threshold, param == "floors", _baseline(scores, name))


def _judge_value(name: str, number: Number, threshold: float, is_floor: bool, baseline: Mapping[str, Value]) -> Reason:
    if not _is_share(number.value):
        return Reason("no_score", {"name": name, "threshold": threshold})
    values = {"name": name, "value": number.value, "threshold": threshold, **baseline}
    if is_floor:
        return Reason("reaches_floor" if number.value >= threshold else "below_floor", values)
    return Reason("within_ceiling" if number.value <= threshold else "above_ceiling", values)


def _judge_low_end(name: str, interval: Interval, threshold: float, bootstrap: Bootstrap) -> Reason:
    values: dict[str, Value] = {
        "name": name,
        "threshold": threshold,
        "num_units": interval.num_units,
        "num_effective": nan_as_null(interval.num_effective),
        "min_units": bootstrap.min_units,
        "unit": bootstrap.unit,
    }
    if not _is_shown(interval, bootstrap):
        is_one_unit = name.startswith("mean_iou/group/") and bootstrap.unit == "group"
        return Reason("group_is_one_unit", {"name": name}) if is_one_unit else Reason("no_interval", values)
    values |= {"value": interval.low, "high": interval.high, "confidence": bootstrap.confidence}
    return Reason("reaches_floor" if interval.low >= threshold else "below_floor", values)


def _baseline(scores: Scores, name: str) -> dict[str, Value]:
    baseline = scores.baseline
    value = {"mean_iou": baseline.mean_iou, "pixel_accuracy": baseline.pixel_accuracy}.get(name)
    return {} if value is None else {"baseline": value, "baseline_class": baseline.class_name}


def _unsound(scores: Scores) -> Iterator[Reason]:
    if scores.num_images == 0 or scores.num_pixels == 0:
        yield Reason("no_pixels", {"num_images": scores.num_images, "num_pixels": scores.num_pixels})
    for name, number in scores.numbers().items():
        is_missing = name != "mean_iou" and number.value != number.value  # nan: a class that is nowhere has no score
        if not is_missing and not _is_share(number.value):
            yield Reason("not_a_share", {"name": name, "value": f"{number.value:g}"})


def _too_rare(scores: Scores) -> Iterator[Reason]:
    """Classes and slices without an interval, whether or not they have a threshold."""
    bootstrap, mean_iou = scores.bootstrap, scores.metrics["mean_iou"]
    settings: dict[str, Value] = {"min_units": bootstrap.min_units, "unit": bootstrap.unit}
    if bootstrap.unit and not _is_shown(mean_iou.interval, bootstrap):
        yield Reason("nothing_demonstrated", settings | {"num_units": mean_iou.interval.num_units})
        return
    if listed := _list_rare(mean_iou.intervals, bootstrap):
        yield Reason("classes_too_rare", settings | {"listed": listed})
    wanted = {part.key: part.interval for part in scores.slices if part.kind != "group" or bootstrap.unit != "group"}
    if listed := _list_rare(wanted, bootstrap):
        yield Reason("slices_too_small", settings | {"listed": listed})


def _caveats(scores: Scores) -> Iterator[Reason]:
    if reason := strays(scores.strays):
        yield reason
    if scores.bootstrap.num_left_out:
        yield Reason("left_out", {"num_units": scores.bootstrap.num_left_out, "unit": scores.bootstrap.unit})
    if scores.bootstrap.within_groups:
        yield Reason("of_one_group", {"unit": scores.bootstrap.unit})


def _list_rare(intervals: Mapping[str, Interval], bootstrap: Bootstrap) -> str:
    """The names without an interval, each with its number of units."""
    rare = {name: interval.num_units for name, interval in intervals.items() if not _is_shown(interval, bootstrap)}
    return show_names(f"{name} (in {units(number, bootstrap.unit)})" for name, number in rare.items())


def _is_shown(interval: Interval, bootstrap: Bootstrap) -> bool:
    return interval.num_units >= bootstrap.min_units and 0 <= interval.low <= interval.high <= 1  # nan: False


def _is_share(value: float) -> bool:
    return 0 <= value <= 1  # nan: False


if __name__ == "__main__":
    run_stage("gate", main)
