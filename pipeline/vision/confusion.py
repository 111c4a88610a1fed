"""The confusion matrix and the scores that follow from it. Rows are targets, columns are predictions."""

import numpy as np

from pipeline.errors import DataError
from pipeline.vision.counting import count_ids


def confusion(target: np.ndarray, pred: np.ndarray, num_classes: int, ignore_id: int) -> np.ndarray:
    """Counts the pixels of each pair of target and predicted class; pixels whose target is `ignore_id` are left out.

    Args:
        target: (H, W) uint8 ids in [0, K) or `ignore_id`.
        pred: (H, W) uint8 ids in [0, K).
        num_classes: K.
        ignore_id: from K to 255.

    Returns:
        (K, K) int64.

    Raises:
        DataError: the shapes differ, or an id is out of range.
    """
    if target.shape != pred.shape:
        raise DataError(f"mask is {target.shape}, prediction is {pred.shape}; expected (height, width) alike")
    counts = count_ids(target, pred)
    _check_ids("prediction", counts.sum(axis=0), num_classes, "")
    counts[ignore_id] = 0
    _check_ids("mask", counts.sum(axis=1), num_classes, f", or {ignore_id} to ignore a pixel")
    return counts[:num_classes, :num_classes].copy()


def iou_per_class(matrix: np.ndarray) -> np.ndarray:
    """Intersection over union of each class, the Jaccard index (Jaccard, 1912).

    Args:
        matrix: (K, K) counts from `confusion`.

    Returns:
        (K,) float64 in [0, 1]; nan where a class is in neither target nor pred.
    """
    hits = np.diag(matrix)
    return share(hits, matrix.sum(axis=0) + matrix.sum(axis=1) - hits)


def mean_iou(matrix: np.ndarray) -> float:
    """The one mean IoU of evaluation, gate, intervals, comparison, promotion, report and MLflow, in [0, 1].

    Averages `iou_per_class` of the pooled pixels over the classes that have a label. A class that is only predicted
    does not count as a class of IoU 0: its pixels are errors of the labelled classes and lower their IoU. Ignored
    pixels are never counted; nan without a counted pixel.
    """
    return mean(iou_per_class(matrix)[matrix.sum(axis=1) > 0])


def pixel_accuracy(matrix: np.ndarray) -> float:
    """Share of the pixels that are right, in [0, 1]; nan without pixels."""
    return float(share(np.trace(matrix), matrix.sum()))


def precision(matrix: np.ndarray) -> np.ndarray:
    """(K,) share of the pixels predicted as a class that are right; 0 if never predicted, nan if it never occurs."""
    return _share_or_zero(matrix, np.diag(matrix), matrix.sum(axis=0))


def recall(matrix: np.ndarray) -> np.ndarray:
    """(K,) share of the pixels of a class that are predicted; 0 if no target has it, nan if it never occurs."""
    return _share_or_zero(matrix, np.diag(matrix), matrix.sum(axis=1))


def f1(matrix: np.ndarray) -> np.ndarray:
    """(K,) harmonic mean of precision and recall, as scikit-learn counts it; nan if the class never occurs."""
    return _share_or_zero(matrix, 2 * np.diag(matrix), matrix.sum(axis=0) + matrix.sum(axis=1))


def _share_or_zero(matrix: np.ndarray, part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    is_anywhere = matrix.sum(axis=0) + matrix.sum(axis=1) > 0
    return np.where(is_anywhere, np.nan_to_num(share(part, whole)), np.nan)


def _check_ids(what: str, num_pixels: np.ndarray, num_classes: int, otherwise: str) -> None:
    wrong = np.flatnonzero(num_pixels[num_classes:]) + num_classes
    if wrong.size:
        raise DataError(
            f"{what} has id {wrong[0]} in {num_pixels[wrong[0]]} pixels; expected 0 to {num_classes - 1}{otherwise}"
        )


def share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """`part` / `whole`, nan if the whole is 0."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.divide(part, whole, dtype=np.float64))


def mean(values: np.ndarray) -> float:
    """Mean of the values that are not nan; nan if all are."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else float("nan")


def weighted_mean(values: np.ndarray, weights: np.ndarray) -> float:
    """Mean of the values (K,); those of weight 0 are left out, nan included. nan without weights.

    Weighted by the target's pixels, the mean of `iou_per_class` is the frequency-weighted IoU (Long et al., 2015).
    """
    counted = weights > 0
    return float(share((values[counted] * weights[counted]).sum(), weights.sum()))
