"""Models scored again on today's test split by the same evaluator, for a comparison."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

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
            probabilities that are none: not finite, outside of [0, 1], or not 1 in sum.
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
        name: count_images(Predictor.read(model), rows, classes, partial(_check, name))
        for name, model in models.items()
    }
    return Rescored(tables, md5_of_test_split(rows))


def _check(name: str, seen: Seen) -> None:
    check_probabilities(name, str(seen.row.image), seen.prediction.probs)


def check_probabilities(name: str, image: str, probs: np.ndarray) -> None:
    """Refuses what is no distribution over the classes of each pixel; nan fails each comparison.

    The K rounded quotients of a softmax sum to 1 within (K + 2) / 2 machine epsilons of their dtype (Higham, 2002,
    section 4.2), and within one more rounding with `export.flip`; twice that is accepted.

    Args:
        name: of the model, for the message, as that of the image.
        probs: (H, W, K) floats.

    Raises:
        EvidenceError: one is not finite, outside of [0, 1], or those of a pixel do not sum to 1.
    """
    tolerance = (probs.shape[-1] + 3) * float(np.finfo(probs.dtype).eps)
    low, high = float(probs.min()), float(probs.max())
    sums = probs.sum(axis=-1, dtype=np.float64)
    least, most = float(sums.min()), float(sums.max())
    if not (-tolerance <= low and high <= 1 + tolerance and 1 - tolerance <= least and most <= 1 + tolerance):
        raise EvidenceError(
            f"{name}: its probabilities on {image} range from {low:g} to {high:g} and sum to {least:g} to "
            f"{most:g} in a pixel, expected [0, 1] and 1 within {tolerance:.1g}; a model that gives none can "
            "be neither compared nor promoted, train and export it again"
        )
