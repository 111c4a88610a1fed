"""Compares two models on today's test split as a promotion does, and changes nothing."""

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
from pipeline.params import PromoteParams, read_params
from pipeline.promotion.comparison import Comparison, Ruling, judge
from pipeline.promotion.comparison import compare as compare_tables
from pipeline.promotion.noise_floor import read_noise_floor
from pipeline.promotion.rescore import Rescored, rescore
from pipeline.registry.model_cache import resolve_model
from pipeline.text import printable

MEAN = "mean IoU"
SETTINGS = {"unit", "num_resamples", "seed", "confidence", "min_units"}


@dataclass(frozen=True, kw_only=True)
class Compared(Comparison):
    """The comparison of two models, with its evidence; the first is the challenger, the second the champion.

    Attributes:
        rescored: counts of both models on today's test split, by name, the first model first.
        params: rule, thresholds and bootstrap.
        ruling: whether the first would replace the second, were that the champion.
    """

    rescored: Rescored
    params: PromoteParams
    ruling: Ruling


def compare(first: str, second: str) -> Compared:
    """Compares two models on today's test split; the difference is the first minus the second.

    Args:
        first: folder of a SavedModel, or how a registered version is named.
        second: the same of the other model.

    Raises:
        DataError: there is no data, or the test split is empty.
        EvidenceError: both are the same, today's test split is not what the manifest says, or a model knows other
            classes.
        ParamsError: the params are wrong.
        RegistryError: there is no such model, or MLflow cannot be reached.
    """
    params = read_params().promote
    models = {name: resolve_model(name) for name in (first, second)}
    if len(set(models.values())) < 2:
        raise EvidenceError(f"{first} and {second} are the same model; name two different ones")
    rescored = rescore(models)
    comparison = compare_tables(*rescored.tables.values(), **params.model_dump(include=SETTINGS))
    noise = None if all(Path(name).is_dir() for name in models) else read_noise_floor()
    ruling = judge(
        rule=params.rule,
        margin=params.margin,
        class_margin=params.class_margin,
        against_champion=comparison,
        against_anchor=comparison,
        noise_floor=noise.floor if noise else None,
        noise_rule=params.noise_floor,
    )
    return Compared(**vars(comparison), rescored=rescored, params=params, ruling=ruling)


def tell(compared: Compared) -> None:
    """Prints IoU of two models with intervals, their difference, and whether the first would be promoted."""
    tables, params, ruling = compared.rescored.tables, compared.params, compared.ruling
    num_images = len(next(iter(tables.values())))
    print(f"test split {compared.rescored.test_md5}: {num_images} images, {compared.num_units} {params.unit}s")
    Console().print(build_table(tables, compared, params.model_dump(include=SETTINGS)))
    print(explain(compared, params))
    would = f"were the second the champion, the first would {'' if ruling.promoted else 'not '}be promoted"
    print(f"{would} ({params.rule}): {'; '.join(ruling.reasons)}")


def build_table(tables: Mapping[str, ImageTable], comparison: Comparison, settings: Mapping[str, Any]) -> Table:
    """A row for the mean IoU and for each class.

    Args:
        tables: counts of the two models, by name.
        comparison: of them.
        settings: of the bootstrap.
    """
    shown = Table("", *(escape(printable(name)) for name in tables), "difference", box=None)
    means = [mean_iou_interval(table, **settings) for table in tables.values()]
    shown.add_row(MEAN, *map(format_interval, means), format_interval(comparison.difference, "+"))
    by_class = [class_intervals(table, **settings) for table in tables.values()]
    for name, difference in comparison.by_class.items():
        ious = [format_interval(intervals[name]) for intervals in by_class]
        shown.add_row(Text(printable(name)), *ious, format_interval(difference, "+"))
    return shown


def format_interval(interval: Interval, sign: str = "") -> str:
    """An estimate and its interval, `-` for what does not exist or is not shown."""
    numbers = (interval.estimate, interval.low, interval.high)
    estimate, low, high = ("-" if number != number else f"{number:{sign}.3f}" for number in numbers)
    return f"{estimate} [{low}, {high}]"


def explain(comparison: Comparison, params: PromoteParams) -> str:
    """What the difference shows, in a sentence, and what the intervals are."""
    difference, level = comparison.difference, 1 - comparison.confidence
    sure = f"{100 * comparison.confidence:g}%"
    if not difference.is_shown:
        found = f"too few {params.unit}s to show anything: {comparison.num_units}, needed are {params.min_units}"
    elif difference.low > 0 and comparison.p_value <= level:
        found = f"the first is better, shown at {sure} (p = {comparison.p_value:.4f})"
    elif difference.high < 0 and comparison.p_value_worse <= level:
        found = f"the first is worse, shown at {sure} (p = {comparison.p_value_worse:.4f})"
    else:
        found = f"no difference is shown at {sure}"
    return (
        f"{found}\nintervals: bootstrap over {params.unit}s, {params.num_resamples} resamples; of a model {sure} "
        f"two-sided, of the difference each end holds at {sure}, of the classes' differences all together"
    )
