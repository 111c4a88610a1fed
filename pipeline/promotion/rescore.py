"""Models scored again on today's test split by the same evaluator, for a comparison."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from pipeline.dataset.contract import read_class_list
from pipeline.dataset.manifest import read_manifest
from pipeline.dataset.splits import RESERVE
from pipeline.errors import EvidenceError
from pipeline.evaluation.image_table import ImageTable
from pipeline.evaluation.metrics.metric import Seen
from pipeline.evaluation.scorer import check_test_split, count_images
from pipeline.evaluation.scores import md5_of_test_split
from pipeline.serving.model_card import ModelCard
from pipeline.serving.predictor import Predictor


@dataclass(frozen=True)
class Rescored:
    """Models on the same images.

    Attributes:
        tables: counts of each model, by its name.
    """

    tables: Mapping[str, ImageTable]
    test_md5: str


def rescore(models: Mapping[str, Path], is_reserve: bool = False) -> Rescored:
    """Scores models on the test split of today's manifest, or on the reserve in its place.

    Args:
        models: folder of each exported model, by the name that messages give it.

    Raises:
        DataError: there is no data, or the test split is empty.
        EvidenceError: today's test split differs from the manifest, or a model has other classes or gives
            probabilities that are not numbers.
    """
    classes, rows = read_class_list(), read_manifest()
    if is_reserve:
        rows = [replace(row, split="test") for row in rows if row.split == RESERVE]
    check_test_split(rows)
    for name, model in models.items():
        known = ModelCard.read(model).classes
        if known.names != classes.names:
            raise EvidenceError(
                f"{name} knows the classes {', '.join(known.names)}, today's data has {', '.join(classes.names)}; "
                "only models of the same classes, in the same order, can be compared: give the models of the new "
                "classes a name of their own with SEGLINE_MODEL_NAME"
            )
    tables = {
        name: count_images(Predictor.read(model), rows, classes, partial(_check_probabilities, name))
        for name, model in models.items()
    }
    return Rescored(tables, md5_of_test_split(rows))


def _check_probabilities(name: str, seen: Seen) -> None:
    low, high = float(seen.prediction.probs.min()), float(seen.prediction.probs.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise EvidenceError(
            f"{name}: its probabilities on {seen.row.image} range from {low:g} to {high:g}, expected [0, 1]; "
            "a model that gives none can be neither compared nor promoted, train and export it again"
        )
