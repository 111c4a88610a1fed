"""Real counts per image of one network trained with several seeds, and populations of models made from them.

A population is the units of the file, groups or images; a test split is units drawn from it with replacement, so that
the truth, the population's pooled mean IoU, is known. `python -m tests.benchmarks.make_counts` writes the file.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline.errors import EvidenceError
from pipeline.evaluation.bootstrap import Unit
from pipeline.evaluation.image_table import ImageTable
from pipeline.vision.confusion import mean_iou

COUNTS = Path(__file__).with_name("counts.npz")
NUM_HALVINGS = 40


class RealCounts(NamedTuple):
    """M trained models on N images.

    Attributes:
        matrices: (M, N, K, K) int64, rows are targets.
        groups: (N,) what each image is a part of.
        class_names: of the K classes.
    """

    matrices: np.ndarray
    groups: np.ndarray
    class_names: tuple[str, ...]

    def units(self, unit: Unit) -> np.ndarray:
        """(M, U, K, K) counts of the population's units."""
        if unit == "image":
            return self.matrices
        names, index = np.unique(self.groups, return_inverse=True)
        return np.stack([self.matrices[:, index == id_].sum(axis=1) for id_ in range(len(names))], axis=1)


def read_counts() -> RealCounts:
    """Reads the file that the command line names, or the one beside this module.

    Raises:
        EvidenceError: it is missing, or not what `make_counts` writes.
    """
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else COUNTS
    try:
        with np.load(path) as content:
            counts = RealCounts(content["matrices"], content["groups"], tuple(content["class_names"].tolist()))
    except FileNotFoundError as err:
        raise EvidenceError(f"{path}: not found; `python -m tests.benchmarks.make_counts` writes it") from err
    except (KeyError, ValueError) as err:
        raise EvidenceError(f"{path}: is damaged ({err}); run `python -m tests.benchmarks.make_counts` again") from err
    num_classes = len(counts.class_names)
    if counts.matrices.shape[1:] != (len(counts.groups), num_classes, num_classes):
        raise EvidenceError(f"{path}: counts are {counts.matrices.shape} of {len(counts.groups)} images; make it again")
    return counts


def table_of(sums: np.ndarray, class_names: tuple[str, ...]) -> ImageTable:
    """A test split of which each of the drawn units (U, K, K) is an image and a group of its own."""
    names = tuple(f"{index:05}" for index in range(len(sums)))
    sizes = sums.sum(axis=(1, 2))
    return ImageTable(class_names, names, names, np.ones_like(sizes), sizes, np.zeros(len(sums)), sums)


def improve(sums: np.ndarray, share: float) -> np.ndarray:
    """Counts (..., K, K) in which a share of the wrong pixels of each entry has become right."""
    right = np.eye(sums.shape[-1], dtype=np.int64)
    moved = np.rint(sums * (1 - right) * share).astype(np.int64)
    return np.asarray(sums - moved + moved.sum(axis=-1, keepdims=True) * right)


def worsen(sums: np.ndarray, share: float) -> np.ndarray:
    """Counts (U, K, K) in which a share of the right pixels has become wrong, as the population confuses the classes.

    Of each class the moved pixels are shared out in proportion to the errors of all units together.
    """
    right = np.eye(sums.shape[-1], dtype=np.int64)
    errors = sums.sum(axis=0) * (1 - right) + (1 - right)
    upto = np.cumsum(errors / errors.sum(axis=1, keepdims=True), axis=1)
    moved = np.rint(np.einsum("ukk->uk", sums) * share).astype(np.int64)
    given = np.diff(np.rint(moved[:, :, None] * upto).astype(np.int64), axis=-1, prepend=0)
    return np.asarray(sums + given - moved[:, :, None] * right)


def share_that(changes: Callable[[float], float], wanted: float) -> float:
    """The share in [0, 1] at which a growing function has the wanted value, by halving.

    Raises:
        ValueError: it has not even at 1.
    """
    low, high = 0.0, 1.0
    if changes(high) < wanted:
        raise ValueError(f"found at most {changes(high):.4f}, expected {wanted:.4f}: the models are too good for that")
    for _ in range(NUM_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if changes(middle) < wanted else (low, middle)
    return high


def true_mean_iou(sums: np.ndarray) -> float:
    """Of a population: pooled over its units (U, K, K)."""
    return mean_iou(sums.sum(axis=0))
