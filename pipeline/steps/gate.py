"""Judges the scores by the floors in params; missing, nan or stale evidence rejects. Then writes the report."""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from pipeline.dataset.manifest import read_manifest
from pipeline.disk.files import md5_of, written_whole
from pipeline.errors import EvidenceError
from pipeline.evaluation.bootstrap import Interval
from pipeline.evaluation.caveats import few_units, left_out, strays
from pipeline.evaluation.scores import SCORES, Evidence, Intervals, Scores, compare_evidence, evidence_of
from pipeline.evaluation.verdict import VERDICT, Verdict
from pipeline.params import GateParams, read_params
from pipeline.report.place import GATE_PAGE, NEWEST, publish_gate_page
from pipeline.report.render import render_report
from pipeline.runtime.program import run_stage
from pipeline.runtime.stages import WORK
from pipeline.serving.model_card import MODEL
from pipeline.text import show_names

ONE_UNIT = (
    "a group is one unit by itself; set evaluate.bootstrap.unit to image where images are independent, or use "
    "gate.min_slice_iou"
)


class Finding(NamedTuple):
    """What was found of a floor.

    Attributes:
        reached: the floor is shown to be reached.
        text: a sentence.
    """

    reached: bool
    text: str


def gate(scores: Scores, scores_md5: str, found: Evidence, limits: GateParams) -> Verdict:
    """Accepts a model whose scores reach every floor.

    Args:
        scores: of the model on the test split.
        scores_md5: of the file they were read from.
        found: evidence of the model and the test split as they are now.
        limits: the floors; what has no score, or no interval, does not reach one.

    Returns:
        The verdict; of a rejected model with every reason, not only the first; of an accepted one with what could not
        be judged, too; and of both with what is left out of the scores.
    """
    findings = [*_judge_points(scores, limits), *_judge_low_ends(scores, limits)]
    against = [*compare_evidence(scores.evidence, found), *_unsound(scores)]
    against += [finding.text for finding in findings if not finding.reached]
    mean_iou = scores.mean_iou if _is_share(scores.mean_iou) else None
    told = [finding.text for finding in findings] or ["no floor is set; the evidence is whole and fresh"]
    reasons = against or [*told, *_not_shown(scores)]
    remarks = [strays(scores), left_out(scores.intervals.num_left_out, scores.intervals.unit)]
    return Verdict(not against, (*reasons, *filter(None, remarks)), scores_md5, mean_iou, scores.evidence)


def main() -> Mapping[str, Any]:
    """Reads the evidence, writes verdict and report; a rejected model is a result. Returns the summary."""
    limits = read_params().gate
    try:
        verdict = gate(Scores.read(), md5_of(SCORES), evidence_of(MODEL, read_manifest()), limits)
    except EvidenceError as err:  # evidence that is not there is a verdict too, and never an open gate
        verdict = Verdict(False, (str(err),), None, None, None)
    verdict.write()
    with written_whole(GATE_PAGE) as beside:
        beside.write_text(render_report(WORK, None), encoding="utf-8")
    print(verdict)
    publish_gate_page()
    print(f"report: {NEWEST}")
    return {"accepted": verdict.accepted, "mean_iou": verdict.mean_iou, "verdict_md5": md5_of(VERDICT)}


def _unsound(scores: Scores) -> Iterator[str]:
    if scores.num_images == 0 or scores.num_pixels == 0:
        yield (
            f"scored were {scores.num_images} images with {scores.num_pixels} pixels; "
            "the test split needs labelled images, add groups or raise validate.split.test"
        )
    if not _is_share(scores.mean_iou):
        yield f"mean IoU is {scores.mean_iou:g}, expected a share in [0, 1]; label test images, evaluate again"
    for name, iou in scores.iou.items():
        if not math.isnan(iou) and not _is_share(iou):
            yield f"IoU of {name} is {iou:g}, expected a share in [0, 1]; run the stage `evaluate` again"


def _judge_points(scores: Scores, limits: GateParams) -> Iterator[Finding]:
    """The floors of the scores themselves."""
    if limits.min_mean_iou is not None:
        remark = f" (always saying {scores.floor.class_name} gives {scores.floor.mean_iou:.4f})"
        yield _compare("mean IoU", scores.mean_iou, limits.min_mean_iou, remark)
    yield from _judge_named("min_class_iou", "class", "IoU of", scores.iou, limits.min_class_iou)
    slices = {part.key: part.mean_iou for part in scores.slices}
    yield from _judge_named("min_slice_iou", "slice", "mean IoU of", slices, limits.min_slice_iou)


def _judge_named(
    param: str, kind: str, what: str, values: Mapping[str, float], floors: Mapping[str, float] | None
) -> Iterator[Finding]:
    for name, floor in sorted((floors or {}).items()):
        if name in values:
            yield _compare(f"{what} {name}", values[name], floor, "")
        else:
            yield _unknown(param, kind, name, values)


def _judge_low_ends(scores: Scores, limits: GateParams) -> Iterator[Finding]:
    """The floors of the intervals' lower ends."""
    intervals = scores.intervals
    if limits.min_mean_iou_low is not None:
        yield _compare_low("mean IoU", intervals.mean_iou, limits.min_mean_iou_low, intervals)
    for name, floor in sorted((limits.min_class_iou_low or {}).items()):
        if name not in scores.iou:
            yield _unknown("min_class_iou_low", "class", name, scores.iou)
        elif name in intervals.iou:
            yield _compare_low(f"IoU of {name}", intervals.iou[name], floor, intervals)
        else:
            yield Finding(False, f"IoU of {name} has no interval; run the stage `evaluate` again")
    slices = {part.key: part.interval for part in scores.slices}
    for name, floor in sorted((limits.min_slice_iou_low or {}).items()):
        if name.startswith("group/") and name in slices and intervals.unit == "group":
            yield Finding(False, f"mean IoU of {name} has no interval: {ONE_UNIT}")
        elif name in slices:
            yield _compare_low(f"mean IoU of {name}", slices[name], floor, intervals)
        else:
            yield _unknown("min_slice_iou_low", "slice", name, slices)


def _unknown(param: str, kind: str, name: str, known: Iterable[str]) -> Finding:
    names = show_names(known) or "none"
    return Finding(False, f"gate.{param} names {name!r}, which is no {kind}; known are {names}; correct params.yaml")


def _compare(name: str, value: float, floor: float, remark: str) -> Finding:
    if not _is_share(value):
        return Finding(
            False,
            f"{name} is {value:g}, so the floor {floor:g} is not shown to be reached; label test images with it",
        )
    reached = value >= floor
    digits = (number for number in range(4, 18) if value == floor or f"{value:.{number}g}" != f"{floor:.{number}g}")
    number = next(digits)  # 17 tell any two numbers apart
    told = f"{name} {value:.{number}g} {'reaches' if reached else 'is below'} the floor {floor:.{number}g}"
    return Finding(reached, f"{told}{remark}")


def _compare_low(name: str, interval: Interval, floor: float, intervals: Intervals) -> Finding:
    if not _is_shown(interval, intervals):
        found = f"{name} has no interval: {_tell_units(interval, intervals)}"
        return Finding(
            False,
            f"{found}, so the floor {floor:g} of its lower end is not shown to be reached; label more "
            f"{intervals.unit}s with it for the test split",
        )
    units = f"{interval.num_units} {intervals.unit}s{few_units(interval, intervals.unit)}"
    remark = f" ({100 * intervals.confidence:g}% interval to {interval.high:.4g}, {units})"
    return _compare(f"lower end of {name}", interval.low, floor, remark)


def _not_shown(scores: Scores) -> Iterator[str]:
    """What has no interval though no floor asked for one."""
    intervals = scores.intervals
    if intervals.unit and not _is_shown(intervals.mean_iou, intervals):
        few = _tell_units(intervals.mean_iou, intervals)
        yield f"not shown: no interval, {few}; label more {intervals.unit}s for the test split"
        return
    takes = f"an interval takes {intervals.min_units} {intervals.unit}s"
    if rare := _list_rare(intervals.iou, intervals):
        told = "whose labels have the class: label more with it for the test split"
        yield f"not shown, too rare to judge: {', '.join(rare)}; {takes} {told}"
    wanted = {part.key: part.interval for part in scores.slices if part.kind != "group" or intervals.unit != "group"}
    if rare := _list_rare(wanted, intervals):
        told = "label images of that kind in more groups" if intervals.unit == "group" else "label more of that kind"
        yield f"not shown, too few to judge: {show_names(rare)}; {takes}: {told} for the test split"


def _list_rare(found: Mapping[str, Interval], intervals: Intervals) -> list[str]:
    """The names without an interval, each with the units that it rests on."""
    rare = [name for name, interval in found.items() if not _is_shown(interval, intervals)]
    return [f"{name} (in {_count_units(found[name], intervals)})" for name in sorted(rare)]


def _tell_units(interval: Interval, intervals: Intervals) -> str:
    """Why there is no interval."""
    if math.isnan(interval.estimate) and interval.num_units:
        return "it has no score"
    if interval.num_units >= max(intervals.min_units, 1):
        return f"its ends are {interval.low:g} and {interval.high:g}"
    return f"it rests on {_count_units(interval, intervals)}, an interval takes {intervals.min_units}"


def _count_units(interval: Interval, intervals: Intervals) -> str:
    return f"{interval.num_units} {intervals.unit}{'s' * (interval.num_units != 1)}"


def _is_shown(interval: Interval, intervals: Intervals) -> bool:
    return interval.num_units >= intervals.min_units and 0 <= interval.low <= interval.high <= 1  # nan: False


def _is_share(value: float) -> bool:
    return 0 <= value <= 1  # nan: False


if __name__ == "__main__":
    run_stage("gate", main)
