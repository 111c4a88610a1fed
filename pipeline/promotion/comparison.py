"""Two models on the same images: how much they differ, how sure that is, and whether the one may replace the other."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np

from pipeline.evaluation.bootstrap import (
    Interval,
    Unit,
    count_left_out,
    draw_weights,
    exchange_test,
    joint_intervals,
    mean_over_classes,
    percentile_interval,
    resampled_iou,
    unit_sums,
    units_with_class,
)
from pipeline.evaluation.image_table import ImageTable, check_same_images
from pipeline.evaluation.wording import left_out
from pipeline.vision.confusion import iou_per_class, mean_iou

Rule = Literal["superior", "non_inferior"]
NoiseRule = Literal["note", "require"]


@dataclass(frozen=True)
class Comparison:
    """What the same images say of two models.

    Attributes:
        difference: challenger minus champion, mean IoU. Each of its ends holds at `confidence`; both together hold at
            2 * `confidence` - 1, as in tests of equivalence (Schuirmann, 1987).
        by_class: the same of each class's IoU, by name. The lower ends of all classes that are shown hold together at
            `confidence`, and so do the upper ones, by Bonferroni's correction; on few units less often than that, as
            the ends are Student's.
        p_value: of the test by exchange: how likely two models that are alike differ as much for the challenger; nan
            where the difference is not shown.
        p_value_worse: likewise, as much for the champion.
        challenger_mean_iou: `confusion.mean_iou` of all images.
        champion_mean_iou: likewise.
        num_units: units that were drawn.
        unit: what was drawn.
        min_units: with fewer, nothing is shown.
        confidence: in (0.5, 1).
        unlabelled: classes that a model predicts and no label has; they are left out of everything.
        num_left_out: groups or images of the split that are no units, because every pixel of theirs is ignored.
    """

    difference: Interval
    by_class: Mapping[str, Interval]
    p_value: float
    p_value_worse: float
    challenger_mean_iou: float
    champion_mean_iou: float
    num_units: int
    unit: Unit
    min_units: int
    confidence: float
    unlabelled: tuple[str, ...]
    num_left_out: int = 0


@dataclass(frozen=True)
class Ruling:
    """Whether a challenger may replace the champion.

    Attributes:
        promoted: all that the rule asks for was shown.
        reasons: what was found; of a refused challenger what speaks against it, and what could not be judged.
    """

    promoted: bool
    reasons: tuple[str, ...]


class Finding(NamedTuple):
    """One thing that a rule asks for.

    Attributes:
        passed: None of a note, which decides nothing and is always told.
        text: what was found, and where it did not pass what to do.
    """

    passed: bool | None
    text: str


def compare(
    challenger: ImageTable,
    champion: ImageTable,
    *,
    unit: Unit,
    num_resamples: int,
    seed: int,
    confidence: float,
    min_units: int,
) -> Comparison:
    """Compares two models that were scored on the same images, by the same draws of units for both.

    Args:
        challenger: counts of the one.
        champion: counts of the other.
        unit: what is drawn: groups, or images where these are independent.
        num_resamples: of the bootstrap, and exchanges of the test.
        seed: of both.
        confidence: of each end of the difference, in (0.5, 1).
        min_units: with fewer, nothing is shown.

    Raises:
        EvidenceError: the tables are of other images, masks, groups or classes.
    """
    check_same_images(challenger, champion)
    pair = [unit_sums(table, unit)[1] for table in (challenger, champion)]
    num_units = len(pair[0])
    support = units_with_class(pair[0])
    pooled = [table.pooled() for table in (challenger, champion)]
    mean_ious = [mean_iou(matrix) for matrix in pooled]
    ious = [np.where(support > 0, iou_per_class(matrix), np.nan) for matrix in pooled]
    weights = draw_weights(num_units, num_resamples, seed)
    resampled = [resampled_iou(sums, weights) for sums in pair]
    difference = percentile_interval(
        mean_ious[0] - mean_ious[1],
        mean_over_classes(resampled[0]) - mean_over_classes(resampled[1]),
        confidence,
        num_units,
        min_units,
    )
    by_class = joint_intervals(ious[0] - ious[1], resampled[0] - resampled[1], confidence, support, min_units)
    tested = exchange_test(pair[0], pair[1], num_resamples, seed) if difference.is_shown else (math.nan, math.nan)
    predicted = (pair[0] + pair[1]).sum(axis=(0, 1)) > 0
    return Comparison(
        difference=difference,
        by_class=dict(zip(challenger.class_names, by_class, strict=True)),
        p_value=tested[0],
        p_value_worse=tested[1],
        challenger_mean_iou=mean_ious[0],
        champion_mean_iou=mean_ious[1],
        num_units=num_units,
        unit=unit,
        min_units=min_units,
        confidence=confidence,
        unlabelled=tuple(np.array(challenger.class_names)[predicted & (support == 0)].tolist()),
        num_left_out=count_left_out(challenger, unit),
    )


def judge(
    *,
    rule: Rule,
    margin: float,
    class_margin: float,
    against_champion: Comparison | None,
    against_anchor: Comparison | None,
    noise_floor: float | None,
    noise_rule: NoiseRule,
) -> Ruling:
    """Applies the rule of promotion; whatever is not a number speaks against the challenger.

    `superior` asks that the challenger is better than the champion: the lower end of the difference is above 0, and
    the test by exchange agrees. `non_inferior` asks that it is not worse by `margin`. Both ask that it is not worse
    than the anchor by `margin`, so that losses cannot add up over many promotions, and that no class that can be
    judged is worse by `class_margin` than champion or anchor.

    The noise floor is of a recipe, not of a model: a model that is better stays so, though another seed may not be.
    So it is told, and decides only under `superior` with the `noise_rule` "require".

    Args:
        rule: see above.
        margin: of mean IoU, from 0.
        class_margin: of a class's IoU, from 0.
        against_champion: None: there is no champion, and the gate's floors alone decide.
        against_anchor: None: there is no anchor; the object `against_champion` itself where that is the anchor.
        noise_floor: of `segline noise`; None: not measured.
        noise_rule: the noise floor is told only ("note"), or has to be exceeded under `superior` ("require").
    """
    assert rule in get_args(Rule) and noise_rule in get_args(NoiseRule), (rule, noise_rule)
    findings: list[Finding] = []
    if not (margin >= 0 and class_margin >= 0):
        findings.append(Finding(False, f"margin is {margin}, class margin {class_margin}; expected numbers from 0"))
    if against_champion is None:
        findings.append(Finding(None, "there was no champion: the gate's floors alone decide"))
    else:
        if rule == "superior":
            findings += _find_better(against_champion)
        else:
            findings.append(_find_not_worse(against_champion, margin, "champion"))
        findings += _find_noise(against_champion, noise_floor, rule == "superior" and noise_rule == "require")
        findings += _find_classes(against_champion, class_margin, "champion")
    if told := _tell_left_out(against_champion or against_anchor):
        findings.append(Finding(None, told))
    if against_champion and against_anchor is None:
        findings.append(Finding(None, "it is held against no anchor: small losses can add up over many promotions"))
    if against_anchor and against_anchor is not against_champion:
        findings.append(_find_not_worse(against_anchor, margin, "anchor"))
        findings += _find_classes(against_anchor, class_margin, "anchor")
    promoted = all(finding.passed is not False for finding in findings)
    return Ruling(promoted, tuple(finding.text for finding in findings if promoted or not finding.passed))


def _find_better(against: Comparison) -> Iterator[Finding]:
    difference, sure = against.difference, _percent(against.confidence)
    if not difference.is_shown:
        yield _too_few(against, "champion")
        return
    found = _describe(against, "champion")
    if difference.low > 0:
        yield Finding(True, f"{found}: better, at {sure}")
    else:
        yield Finding(False, f"{found}: not shown to be better at {sure}; {_what_to_do(against)}")
    level = 1 - against.confidence
    alike = f"test by exchange: models that are alike would differ as much with probability {against.p_value:.4f}"
    least = 0.5**against.num_units
    few = f"; {against.num_units} {against.unit}s never give less than {least:.2g}, label more" if least > level else ""
    yield Finding(against.p_value <= level, f"{alike}, allowed is {level:.2g}{few}")


def _find_noise(against: Comparison, noise_floor: float | None, is_required: bool) -> Iterator[Finding]:
    if not against.difference.is_shown:
        return
    if noise_floor is None:
        yield Finding(None, "how much the seed alone changes is not known; `segline noise` measures it")
        return
    seeds = f"{_points(noise_floor)} points are the noise floor, what the seed alone can change"
    enough = against.difference.estimate > noise_floor >= 0  # nan: False
    short = "has to exceed it" if is_required else "does not exceed it, so training again may not give it"
    yield Finding(enough if is_required else None, f"{seeds}; the difference {'exceeds it' if enough else short}")


def _find_not_worse(against: Comparison, margin: float, whose: str) -> Finding:
    if not against.difference.is_shown:
        return _too_few(against, whose)
    found, worse = _describe(against, whose), f"worse by {_points(margin)} points at {_percent(against.confidence)}"
    if against.difference.low > -margin:
        return Finding(True, f"{found}: not {worse}")
    return Finding(False, f"{found}: not shown to be not {worse}; {_what_to_do(against)}")


def _find_classes(against: Comparison, class_margin: float, whose: str) -> Iterator[Finding]:
    shown = {name: interval for name, interval in against.by_class.items() if interval.is_shown}
    worse = {name: interval for name, interval in shown.items() if not interval.low > -class_margin}
    for name, interval in worse.items():
        yield Finding(
            False,
            f"class {name} is {_signed(interval)} points from the {whose}'s, {_points(class_margin)} fewer are "
            f"allowed; it rests on {interval.num_units} {against.unit}s, {_what_to_do(against)} with it",
        )
    if shown and not worse:
        yield Finding(
            True, f"no class that can be judged is worse than the {whose}'s by {_points(class_margin)} points"
        )
    if not shown:
        yield Finding(False, f"no class can be judged against the {whose}; {_what_to_do(against)}")
    rare = {name: interval for name, interval in against.by_class.items() if name not in shown}
    if rare:
        few = f"against the {whose}, in fewer than {against.min_units} {against.unit}s of the test split"
        told = ", ".join(f"{name} {_tell_rare(interval)}" for name, interval in rare.items())
        yield Finding(None, f"not shown {few}: {told}; label more {against.unit}s with them for test")
    if against.unlabelled:
        yield Finding(None, f"predicted, but in no label, so left out: {', '.join(against.unlabelled)}")


def _tell_rare(interval: Interval) -> str:
    found = "" if math.isnan(interval.estimate) else f"{_points(interval.estimate, '+')} points "
    return f"({found}in {interval.num_units})"


def _tell_left_out(against: Comparison | None) -> str:
    return left_out(against.num_left_out, against.unit) if against else ""


def _too_few(against: Comparison, whose: str) -> Finding:
    found = f"the difference to the {whose} is not shown: the test split has {against.num_units} {against.unit}s"
    wanted = f"expected at least {against.min_units} with counted pixels; label more for test"
    return Finding(False, f"{found}, {wanted}")


def _describe(against: Comparison, whose: str) -> str:
    mean_ious = f"mean IoU {against.challenger_mean_iou:.4f} against the {whose}'s {against.champion_mean_iou:.4f}"
    return f"{mean_ious}, {_signed(against.difference)} points on {against.num_units} {against.unit}s"


def _signed(interval: Interval) -> str:
    low, estimate, high = (f"{100 * end:+.2f}" for end in (interval.low, interval.estimate, interval.high))
    return f"{estimate} ({low} to {high})"


def _points(share: float, sign: str = "") -> str:
    return f"{100 * share:{sign}.2f}"


def _percent(share: float) -> str:
    return f"{100 * share:g}%"


def _what_to_do(against: Comparison) -> str:
    return f"train a better model, or label more {against.unit}s for test"
