"""The noise floor: the difference that two seeds make by chance alone. And two recipes compared over seeds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field, FiniteFloat, TypeAdapter, ValidationError
from scipy.special import stdtrit

from pipeline.disk.records import explain
from pipeline.errors import EvidenceError, RegistryError
from pipeline.registry.client import model_name, read_model
from pipeline.runtime.locks import FOLDER
from pipeline.text import shown

NOISE = FOLDER / "noise"
"""Projects of seeds, and the results of those that have finished."""
NOISE_TAG = "noise_floor"
MIN_RUNS = 3


@dataclass(frozen=True)
class NoiseFloor:
    """A difference of mean IoU that the seed alone can make, and what it was measured on."""

    floor: Annotated[FiniteFloat, Field(ge=0)]
    params_md5: str
    data_md5: str
    mean_ious: tuple[FiniteFloat, ...]


class RecipeDifference(NamedTuple):
    """Two recipes, each trained with several seeds.

    Attributes:
        base: mean IoUs of params.yaml.
        other: mean IoUs of the other params.
        difference: mean of `other` minus mean of `base`.
        low: lower end of its interval.
        high: upper end.
    """

    base: tuple[float, ...]
    other: tuple[float, ...]
    difference: float
    low: float
    high: float

    @property
    def is_better(self) -> bool:
        """True if the interval shows that `other` is better."""
        return self.low > 0


def noise_floor(mean_ious: Sequence[float]) -> float:
    """The difference between two trainings of one recipe that seeds alone exceed once in twenty times.

    The difference of two trainings that differ in the seed only has sqrt(2) times the spread of one, which is known
    from n of them: t(0.95, n - 1) * sqrt(2) * s, one-sided.

    Args:
        mean_ious: of trainings that differ in the seed only, on the same images.

    Raises:
        EvidenceError: they are fewer than three, or one is not a number.
    """
    _check_runs(mean_ious)
    quantile = float(stdtrit(len(mean_ious) - 1, 0.95))
    return quantile * math.sqrt(2) * float(np.std(mean_ious, ddof=1))


def _check_runs(mean_ious: Sequence[float]) -> None:
    if len(mean_ious) < MIN_RUNS:
        raise EvidenceError(
            f"{len(mean_ious)} trainings, expected at least {MIN_RUNS}: fewer tell nothing of the spread; run "
            "`segline noise` with more --runs"
        )
    if not np.isfinite(mean_ious).all():
        raise EvidenceError(f"mean IoUs are {list(mean_ious)}, expected numbers; run `segline noise` again")


def compare_recipes(base: Sequence[float], other: Sequence[float]) -> RecipeDifference:
    """Welch's interval of the difference of two means (Welch, 1947), two-sided at 95 %.

    It tells recipes apart, on this data and this test split; it says nothing of other test images.

    Args:
        base: mean IoUs of one recipe's trainings, which differ in the seed only, on the same images.
        other: of the other recipe, which is better if the difference is above 0.

    Raises:
        EvidenceError: of one recipe they are fewer than three, or one is not a number.
    """
    from scipy.stats import ttest_ind  # seconds to import

    for mean_ious in (base, other):
        _check_runs(mean_ious)
    difference = float(np.mean(other) - np.mean(base))
    if np.ptp(base) == np.ptp(other) == 0:  # SciPy gives no interval then
        return RecipeDifference(tuple(base), tuple(other), difference, difference, difference)
    ends = ttest_ind(other, base, equal_var=False).confidence_interval(0.95)
    return RecipeDifference(tuple(base), tuple(other), difference, float(ends.low), float(ends.high))


def read_noise_floor() -> NoiseFloor | None:
    """The noise floor that `segline noise` stored with our model; None without one.

    Raises:
        RegistryError: MLflow cannot be reached, or the tag is not what `segline noise` writes.
    """
    text = read_model().tags.get(NOISE_TAG)
    return None if text is None else parse_noise_floor(text)


def parse_noise_floor(text: str) -> NoiseFloor:
    """Reads the tag that `segline noise` writes.

    Raises:
        RegistryError: the text has another form.
    """
    try:
        return TypeAdapter(NoiseFloor).validate_json(text.encode(errors="surrogatepass"), strict=True)
    except ValidationError as err:
        raise RegistryError(
            f"{model_name()}: its tag {NOISE_TAG} is not what `segline noise` writes ({shown(explain(err))}); run that "
            "again, or delete the tag"
        ) from err
