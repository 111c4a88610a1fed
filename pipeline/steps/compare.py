"""Compares two models on today's test split as a promotion does, and changes nothing."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from pipeline.errors import EvidenceError
from pipeline.evaluation.bootstrap import Interval, class_intervals, mean_iou_interval
from pipeline.evaluation.image_table import ImageTable
from pipeline.evaluation.reasons import Reason
from pipeline.params import PromoteParams, read_params
from pipeline.promotion.claims.detectable import detectable
from pipeline.promotion.comparison import CLASS_CONFIDENCE, Comparison
from pipeline.promotion.comparison import compare as compare_tables
from pipeline.promotion.findings import give_reason, lacks_units
from pipeline.promotion.noise_floor import read_noise_floor
from pipeline.promotion.rescore import Rescored, rescore
from pipeline.promotion.rules import Ruling, judge
from pipeline.promotion.wording import to_sentences
from pipeline.registry.model_cache import resolve_model
from pipeline.text import printable


@dataclass(frozen=True, kw_only=True)
class Compared(Comparison):
    """The comparison of two models, with its evidence; the first is the challenger, the second the champion.

    Attributes:
        rescored: counts of both models on today's test split, by name, the first model first.
        params: settings of rule and bootstrap.
        ruling: whether the first would replace the second, were that the champion.
    """

    rescored: Rescored
    params: PromoteParams
    ruling: Ruling


def compare(first: str, second: str) -> Compared:
    """See `segline.compare`."""
    params = read_params().promote
    models = {name: resolve_model(name) for name in (first, second)}
    if len(set(models.values())) < 2:
        raise EvidenceError(f"{first} and {second} are the same model; name two different ones")
    rescored = rescore(models)
    comparison = compare_tables(*rescored.tables.values(), **params.comparison())
    noise = None if all(Path(name).is_dir() for name in models) else read_noise_floor()
    limits = params.limits(noise.floor if noise else None)
    ruling = judge(params.rule, limits, comparison, comparison)
    return Compared(**vars(comparison), rescored=rescored, params=params, ruling=ruling)


def show(compared: Compared) -> None:
    """Prints IoU of two models with intervals, their difference, and whether the first would be promoted."""
    tables, params, ruling = compared.rescored.tables, compared.params, compared.ruling
    one, other = tables.values()
    print(f"test split {compared.rescored.test_md5}: {len(one)} images, {compared.num_units} {params.unit}s")
    each = params.bootstrap() | {"confidence": params.confidence}  # a single score shares no level with other attempts
    Console().print(build_table(tables, compared, each))
    print(*to_sentences([summarise(compared)]))
    if compared.difference.is_shown:
        print(
            f"probability of improvement: about {compared.better_share:.3f}, the share of resamples with a better first"
        )
    if reach := detectable(compared, (one, other)):
        print("; ".join(to_sentences(reach.reasons(compared.unit, compared.num_units))))
    sure = f"{100 * compared.confidence:.6g}%"
    print(
        f"intervals: bootstrap over {params.unit}s, {params.num_resamples} resamples; of a model "
        f"{100 * params.confidence:.6g}% two-sided, of the difference each end holds at {sure}, of each class's "
        f"difference at {100 * CLASS_CONFIDENCE:g}%"
    )
    would = f"were the second the champion, the first would {'' if ruling.promoted else 'not '}be promoted"
    print(f"{would} ({params.rule}): {'; '.join(to_sentences(ruling.reasons))}")


def build_table(tables: Mapping[str, ImageTable], comparison: Comparison, settings: Mapping[str, Any]) -> Table:
    """A row for the mean IoU and one for each class: IoU of both models and their difference, with intervals."""
    shown = Table("", *(escape(printable(name)) for name in tables), "difference", box=None)
    means = [mean_iou_interval(table, **settings) for table in tables.values()]
    difference = comparison.difference
    if weighted := comparison.weighted_mean_ious:
        plain = comparison.challenger_mean_iou - comparison.champion_mean_iou
        shown.add_row("weighted mean IoU", *map("{:.3f}".format, weighted), format_interval(difference, "+"))
        difference = Interval(plain, math.nan, math.nan, difference.num_units)
    shown.add_row("mean IoU", *map(format_interval, means), format_interval(difference, "+"))
    by_class = [class_intervals(table, **settings) for table in tables.values()]
    for name, difference in comparison.by_class.items():
        ious = [format_interval(intervals[name]) for intervals in by_class]
        shown.add_row(Text(printable(name)), *ious, format_interval(difference, "+"))
    return shown


def format_interval(interval: Interval, sign: str = "") -> str:
    """An estimate and its interval, `-` for nan."""
    numbers = (interval.estimate, interval.low, interval.high)
    estimate, low, high = ("-" if number != number else f"{number:{sign}.3f}" for number in numbers)
    return f"{estimate} [{low}, {high}]"


def summarise(comparison: Comparison) -> Reason:
    """Whether the difference is significant, by interval and exchange test."""
    difference, level = comparison.difference, 1 - comparison.confidence
    if not difference.is_shown:
        return lacks_units(comparison, "second").reason
    if difference.low > 0 and comparison.p_value <= level:
        return give_reason("first_is_better", confidence=comparison.confidence, p_value=comparison.p_value)
    if difference.high < 0 and comparison.p_value_worse <= level:
        return give_reason("first_is_worse", confidence=comparison.confidence, p_value=comparison.p_value_worse)
    return give_reason("no_significant_difference", confidence=comparison.confidence)
