"""The noise floor: the difference that two seeds make by chance alone, and how `segline noise` stored it."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtrit

from pipeline.errors import EvidenceError, RegistryError
from pipeline.registry.client import list_versions, model_name, opened
from pipeline.text import shown

NOISE_TAG = "noise_floor"
NOISE_CONFIDENCE = 0.95
MIN_RUNS = 3


@dataclass(frozen=True)
class NoiseFloor:
    """A difference of mean IoU that the seed alone can make, and what it was measured on.

    Attributes:
        floor: from 0.
        params_md5: of params.yaml.
        data_md5: version of the data.
        mean_ious: of the seeds.
    """

    floor: float
    params_md5: str
    data_md5: str
    mean_ious: tuple[float, ...]


def noise_floor(mean_ious: Sequence[float]) -> float:
    """The difference between two trainings of one recipe that seeds alone exceed once in twenty times.

    The difference of two trainings that differ in the seed only has sqrt(2) times the spread of one, which is known
    from n of them: t(0.95, n - 1) * sqrt(2) * s, one-sided.

    Args:
        mean_ious: of trainings that differ in the seed only, on the same images.

    Raises:
        EvidenceError: they are fewer than three, or one is not a number.
    """
    if len(mean_ious) < MIN_RUNS:
        raise EvidenceError(
            f"{len(mean_ious)} trainings, expected at least {MIN_RUNS}: fewer tell nothing of the spread; run "
            "`segline noise` with more --runs"
        )
    if not np.isfinite(mean_ious).all():
        raise EvidenceError(f"mean IoUs are {list(mean_ious)}, expected numbers; run `segline noise` again")
    quantile = float(stdtrit(len(mean_ious) - 1, NOISE_CONFIDENCE))
    return quantile * math.sqrt(2) * float(np.std(mean_ious, ddof=1))


def read_noise_floor() -> NoiseFloor | None:
    """What `segline noise` stored with our model; None where it never did.

    Raises:
        RegistryError: MLflow cannot be reached, or the tag is not what `segline noise` writes.
    """
    if not list_versions():
        return None
    with opened() as (_, client):
        text = client.get_registered_model(model_name()).tags.get(NOISE_TAG)
    return None if text is None else parse_noise_floor(text)


def parse_noise_floor(text: str) -> NoiseFloor:
    """Reads the tag that `segline noise` writes.

    Raises:
        RegistryError: it is something else.
    """
    try:
        return _parse(json.loads(text))
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as err:
        raise RegistryError(
            f"{model_name()}: its tag {NOISE_TAG} is not what `segline noise` writes ({type(err).__name__}: "
            f"{shown(str(err))}); "
            "run that again, or delete the tag"
        ) from err


def _parse(content: Mapping[str, Any]) -> NoiseFloor:
    floor, mean_ious = float(content["floor"]), tuple(float(value) for value in content["mean_ious"])
    if not (math.isfinite(floor) and floor >= 0):
        raise ValueError(f"floor is {floor}, expected a number from 0")
    if not all(map(math.isfinite, mean_ious)):
        raise ValueError(f"mean_ious are {mean_ious}, expected numbers")
    return NoiseFloor(floor, str(content["params_md5"]), str(content["data_md5"]), mean_ious)
