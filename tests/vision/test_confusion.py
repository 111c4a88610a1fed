"""Tests of the scores, scikit-learn's against ours."""

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import metrics

from pipeline.errors import DataError
from pipeline.vision.confusion import (
    confusion,
    f1,
    iou_per_class,
    mean,
    mean_iou,
    pixel_accuracy,
    precision,
    recall,
    weighted_mean,
)

NUM_CLASSES = 5
IGNORE = 255
NAMES = [f"class {id_}" for id_ in range(NUM_CLASSES)]


@st.composite
def masks(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """A target with ignored pixels and a prediction, of one size; often some class is in neither."""
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=2, max_side=9))
    ids = st.sampled_from(sorted(draw(st.sets(st.integers(0, NUM_CLASSES - 1), min_size=1))))
    target = draw(hnp.arrays(np.uint8, shape, elements=st.one_of(ids, st.just(IGNORE))))
    return target, draw(hnp.arrays(np.uint8, shape, elements=ids))


def counted(target: np.ndarray, pred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pixels that scikit-learn is shown."""
    return target[target != IGNORE], pred[target != IGNORE]


def sklearn_says(function: Any, target: np.ndarray, pred: np.ndarray, **options: Any) -> Any:
    """A metric of scikit-learn on the counted pixels, without its warnings on classes that have no pixels."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*counted(target, pred), **options)


@given(masks())
def test_matrix_agrees_with_sklearn(pair: tuple[np.ndarray, np.ndarray]) -> None:
    """The matrix is scikit-learn's on the pixels that are not ignored."""
    matrix = confusion(*pair, NUM_CLASSES, IGNORE)
    target, pred = counted(*pair)
    expected = np.zeros((NUM_CLASSES, NUM_CLASSES), np.int64)
    if target.size:
        expected = metrics.confusion_matrix(target, pred, labels=range(NUM_CLASSES))
    assert matrix.dtype == np.int64
    assert_array_equal(matrix, expected)


@given(masks().filter(lambda pair: (pair[0] != IGNORE).any()))
@settings(max_examples=60)
def test_iou_agrees_with_sklearn(pair: tuple[np.ndarray, np.ndarray]) -> None:
    """Each class's IoU and their weighted mean are scikit-learn's Jaccard scores; the mean is that of the labelled."""
    matrix = confusion(*pair, NUM_CLASSES, IGNORE)
    present = np.union1d(*counted(*pair))
    scores = sklearn_says(metrics.jaccard_score, *pair, labels=present, average=None)
    ours = iou_per_class(matrix)
    assert_allclose(ours[present], scores)
    assert np.isnan(np.delete(ours, present)).all()
    labelled = np.unique(counted(*pair)[0])
    macro = sklearn_says(metrics.jaccard_score, *pair, labels=labelled, average="macro")
    assert mean_iou(matrix) == pytest.approx(macro)
    weighted = sklearn_says(metrics.jaccard_score, *pair, labels=present, average="weighted")
    assert weighted_mean(iou_per_class(matrix), matrix.sum(axis=1)) == pytest.approx(weighted)


@given(masks().filter(lambda pair: (pair[0] != IGNORE).any()))
@settings(max_examples=60)
def test_report_agrees_with_sklearn(pair: tuple[np.ndarray, np.ndarray]) -> None:
    """Every row is scikit-learn's; micro averages and accuracy are one number."""
    matrix = confusion(*pair, NUM_CLASSES, IGNORE)
    ours = {"precision": precision(matrix), "recall": recall(matrix), "f1-score": f1(matrix)}
    support = matrix.sum(axis=1)
    present = np.union1d(*counted(*pair))
    names = [NAMES[id_] for id_ in present]
    options: dict[str, Any] = {"labels": present, "target_names": names, "output_dict": True, "zero_division": 0}
    theirs = sklearn_says(metrics.classification_report, *pair, **options)
    for key, values in ours.items():
        assert [values[id_] for id_ in present] == pytest.approx([theirs[name][key] for name in names])
        assert mean(values) == pytest.approx(theirs["macro avg"][key])
        assert weighted_mean(values, support) == pytest.approx(theirs["weighted avg"][key])
    assert pixel_accuracy(matrix) == pytest.approx(theirs["accuracy"])
    micro = sklearn_says(metrics.f1_score, *pair, average="micro", labels=range(NUM_CLASSES))
    assert pixel_accuracy(matrix) == pytest.approx(micro)


@given(masks())
def test_matrices_add_up(pair: tuple[np.ndarray, np.ndarray]) -> None:
    """The matrix of a picture is the sum of those of its halves, so that pictures can be pooled."""
    target, pred = pair
    half = len(target) // 2
    parts = [confusion(target[part], pred[part], NUM_CLASSES, IGNORE) for part in (slice(half), slice(half, None))]
    assert_array_equal(parts[0] + parts[1], confusion(target, pred, NUM_CLASSES, IGNORE))


def test_class_in_neither_has_no_scores() -> None:
    """A class without pixels is nan and counts in no average."""
    target = np.zeros((2, 2), np.uint8)
    matrix = confusion(target, target, 2, IGNORE)
    for values in (precision(matrix), recall(matrix), f1(matrix)):
        assert np.isnan(values[1]) and mean(values) == weighted_mean(values, matrix.sum(axis=1)) == 1


def test_a_class_that_no_label_has_does_not_decide() -> None:
    """Stray pixels cost as much as other errors: they are misses of the labelled class, not a class of IoU 0."""
    stray = np.array([[90, 0, 10], [0, 100, 0], [0, 0, 0]])
    wrong = np.array([[90, 10, 0], [0, 100, 0], [0, 0, 0]])
    assert mean_iou(stray) == pytest.approx((0.9 + 1) / 2) and iou_per_class(stray)[2] == 0
    assert mean_iou(wrong) == pytest.approx((0.9 + 100 / 110) / 2)


def test_nothing_to_score_is_nan() -> None:
    """Where every pixel is ignored, no score is a number."""
    matrix = confusion(np.full((2, 2), IGNORE, np.uint8), np.zeros((2, 2), np.uint8), NUM_CLASSES, IGNORE)
    support = matrix.sum(axis=1)
    assert matrix.sum() == 0
    assert np.isnan([mean_iou(matrix), pixel_accuracy(matrix), weighted_mean(iou_per_class(matrix), support)]).all()
    assert np.isnan([mean(f1(matrix)), weighted_mean(f1(matrix), support)]).all()


def test_wrong_id_in_the_mask_is_refused() -> None:
    """An id that is neither a class nor the ignore id is named, with how many pixels have it."""
    target = np.array([[0, 7, 7]], np.uint8)
    with pytest.raises(DataError, match="mask has id 7 in 2 pixels; expected 0 to 4, or 255 to ignore"):
        confusion(target, np.zeros_like(target), NUM_CLASSES, IGNORE)


def test_wrong_id_in_the_prediction_is_refused() -> None:
    """A prediction may not ignore a pixel, not even one whose target is ignored."""
    target = np.array([[0, IGNORE]], np.uint8)
    with pytest.raises(DataError, match="prediction has id 255 in 1 pixels; expected 0 to 4"):
        confusion(target, target, NUM_CLASSES, IGNORE)


def test_other_size_is_refused() -> None:
    """A prediction of another size is refused."""
    with pytest.raises(DataError, match=r"mask is \(2, 3\), prediction is \(3, 2\)"):
        confusion(np.zeros((2, 3), np.uint8), np.zeros((3, 2), np.uint8), NUM_CLASSES, IGNORE)
