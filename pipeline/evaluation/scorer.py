"""Scoring of an exported model on the test split of a manifest, one image at a time."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from pipeline.dataset.contract import ClassList
from pipeline.dataset.manifest import ManifestRow
from pipeline.disk.files import md5_of
from pipeline.errors import DataError, EvidenceError
from pipeline.evaluation.bootstrap import count_left_out, draws_within_groups, mean_iou_interval
from pipeline.evaluation.image_table import ImageTable
from pipeline.evaluation.metrics.metric import MetricResult, Seen
from pipeline.evaluation.scores import NO_BOOTSTRAP, Baseline, Bootstrap, Evidence, Scores
from pipeline.evaluation.slices import score_slices
from pipeline.runtime.parallel import NUM_READERS, in_threads
from pipeline.runtime.progress import Progress
from pipeline.serving.predictor import Predictor
from pipeline.vision.codec import read_image, read_mask
from pipeline.vision.confusion import confusion, mean_iou, pixel_accuracy
from pipeline.vision.counting import mean_luma


def count_images(
    predictor: Predictor, rows: Sequence[ManifestRow], classes: ClassList, each: Callable[[Seen], None] | None = None
) -> ImageTable:
    """The confusion counts of each raw test image, one after the other: no picture stays in memory.

    Of the manifest's rows those of the split "test" are scored. `each` is called with every image, in the rows' order.

    Raises:
        DataError: the test split is empty, or a file is not what the manifest says.
        EvidenceError: the model has other classes than the data.
    """
    _check_classes(predictor, classes)
    test = select_test(rows)
    matrices = np.zeros((len(test), len(classes), len(classes)), np.int64)
    heights, widths, brightness = np.zeros(len(test), np.int64), np.zeros(len(test), np.int64), np.zeros(len(test))
    progress = Progress("score", len(test), "images")
    pairs = in_threads(read_pair, test, NUM_READERS)
    for place, (row, (image, target)) in enumerate(zip(test, pairs, strict=True)):
        prediction = predictor.predict(image)
        matrices[place] = _count(row, target, prediction.mask, classes)
        (heights[place], widths[place]), brightness[place] = target.shape, mean_luma(image)
        if each:
            each(Seen(row, image, target, prediction, matrices[place], classes.ignore_id))
        progress.advance()
    progress.close()
    names, groups = tuple(row.name for row in test), tuple(row.group for row in test)
    return ImageTable(classes.names, names, groups, heights, widths, brightness, matrices)


def scores_of(
    table: ImageTable,
    metrics: Mapping[str, MetricResult],
    baseline_class: str,
    evidence: Evidence,
    bootstrap: Mapping[str, Any] | None,
) -> Scores:
    """Puts the scores of a split together, from the counts of its images and the results by metric.

    `bootstrap` has the settings of `bootstrap.mean_iou_interval`; None: no intervals and no slices.
    """
    matrix, names = table.pooled(), table.class_names
    support, predicted = (dict(zip(names, matrix.sum(axis=axis).tolist(), strict=True)) for axis in (1, 0))
    return Scores(
        metrics=metrics,
        baseline=_baseline(matrix, names, baseline_class),
        support=support,
        strays={name: number for name, number in predicted.items() if number and not support[name]},
        num_images=len(table),
        num_pixels=int(matrix.sum()),
        evidence=evidence,
        bootstrap=_settings(table, bootstrap) if bootstrap else NO_BOOTSTRAP,
        slices=score_slices(table, partial(mean_iou_interval, **bootstrap)) if bootstrap else (),
    )


def _baseline(matrix: np.ndarray, class_names: Sequence[str], baseline_class: str) -> Baseline:
    always = np.zeros_like(matrix)
    always[:, class_names.index(baseline_class)] = matrix.sum(axis=1)
    return Baseline(baseline_class, mean_iou(always), pixel_accuracy(always))


def _settings(table: ImageTable, bootstrap: Mapping[str, Any]) -> Bootstrap:
    unit = bootstrap["unit"]
    left = count_left_out(table, unit), draws_within_groups(table, unit)
    return Bootstrap(unit, bootstrap["confidence"], bootstrap["min_units"], *left)


def majority_class(class_pixels: Mapping[str, int], classes: ClassList) -> str:
    """The class with the most pixels in the training masks, the first of equals.

    Raises:
        EvidenceError: the pixels are of other classes.
    """
    if set(class_pixels) != set(classes.names):
        raise EvidenceError(
            f"pixels are counted for {sorted(class_pixels)}, the data set has {list(classes.names)}; "
            "run the stage `preprocess` again"
        )
    return max(classes.names, key=lambda name: class_pixels[name])


def select_test(rows: Sequence[ManifestRow]) -> list[ManifestRow]:
    """The rows of the test split.

    Raises:
        DataError: there are none.
    """
    test = [row for row in rows if row.split == "test"]
    if not test:
        raise DataError(
            f"none of {len(rows)} samples is in the split test; raise validate.split.test in params.yaml, or give "
            "samples the split `test` in data/samples.csv"
        )
    return test


def check_test_split(rows: Sequence[ManifestRow]) -> None:
    """Compares the files of the test split with their MD5s in `rows` of the manifest.

    Raises:
        EvidenceError: a file is missing or changed.
    """
    for row in rows:
        for path, md5 in ((row.image, row.image_md5), (row.mask, row.mask_md5)):
            if row.split == "test" and not (path.is_file() and md5_of(path) == md5):
                raise EvidenceError(f"{path}: is not the file that was validated; run `dvc repro validate` first")


def read_pair(row: ManifestRow) -> tuple[np.ndarray, np.ndarray]:
    """Reads image (H, W, 3) and mask (H, W) of a row.

    Raises:
        DataError: one cannot be read, or their sizes differ.
    """
    image, mask = read_image(row.image), read_mask(row.mask)
    if image.shape[:2] != mask.shape:
        raise DataError(
            f"{row.mask}: mask is {mask.shape}, image is {image.shape[:2]}; the data changed since it was validated, "
            "run the stage `validate` again"
        )
    return image, mask


def _count(row: ManifestRow, target: np.ndarray, pred: np.ndarray, classes: ClassList) -> np.ndarray:
    try:
        return confusion(target, pred, len(classes), classes.ignore_id)
    except DataError as err:
        raise DataError(f"{row.mask}: {err}; run the stage `validate` again") from err


def _check_classes(predictor: Predictor, classes: ClassList) -> None:
    known = predictor.card.classes.names
    if known != classes.names:
        raise EvidenceError(
            f"{predictor.folder}: the model's classes are {list(known)}, the data set's are {list(classes.names)}; "
            "only a model of the same classes, in the same order, can be scored; train it on this data set"
        )
