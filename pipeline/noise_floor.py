"""The noise floor that `segline noise` stored in the registry: the difference that two seeds make by chance alone."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.errors import RegistryError
from pipeline.registry import list_versions, model_name, opened

NOISE_TAG = "noise_floor"


@dataclass(frozen=True)
class NoiseFloor:
    """A difference of mean IoU that counts for nothing, and what it was measured on.

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


def read_noise_floor() -> NoiseFloor | None:
    """What `segline noise` stored with our model; None where it never did.

    Raises:
        RegistryError: MLflow cannot be reached, or the tag is not what `segline noise` writes.
    """
    if not list_versions():
        return None
    with opened() as (_, client):
        text = client.get_registered_model(model_name()).tags.get(NOISE_TAG)
    if text is None:
        return None
    try:
        return _parse(json.loads(text))
    except (KeyError, TypeError, ValueError) as err:
        raise RegistryError(
            f"{model_name()}: its tag {NOISE_TAG} is not what `segline noise` writes ({type(err).__name__}: {err}); "
            "run that again, or delete the tag"
        ) from err


def _parse(content: Mapping[str, Any]) -> NoiseFloor:
    floor, mean_ious = float(content["floor"]), tuple(float(value) for value in content["mean_ious"])
    if not (math.isfinite(floor) and floor >= 0):
        raise ValueError(f"floor is {floor}, expected a number from 0")
    return NoiseFloor(floor, str(content["params_md5"]), str(content["data_md5"]), mean_ious)
