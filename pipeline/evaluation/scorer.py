"""Scoring of an exported model on the test split of a manifest, one image at a time."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from pipeline.dataset.contract import ClassList
from pipeline.dataset.manifest import Row
from pipeline.disk.files import md5_of
from pipeline.errors import DataError, EvidenceError
from pipeline.evaluation.bootstrap import Unit, class_intervals, count_left_out, mean_iou_interval
from pipeline.evaluation.image_table import ImageTable
from pipeline.evaluation.scores import Evidence, Floor, Intervals, ReportRow, Scores
from pipeline.runtime.parallel import NUM_READERS, in_threads
from pipeline.runtime.progress import Progress
from pipeline.serving.predictor import Prediction, Predictor
from pipeline.vision.confusion import (
    classification_report,
    confusion,
    frequency_weighted_iou,
    iou_per_class,
    mean_iou,
    pixel_accuracy,
)
from pipeline.vision.images import mean_luma, read_image, read_mask


class Seen(NamedTuple):
    """One image with its label and what the model says of it.

    Attributes:
        row: of the manifest.
        image: (H, W, 3) uint8 RGB.
        target: (H, W) uint8 ids, or the ignore id.
        prediction: of the model.
        matrix: (K, K) int64 counts of `confusion`.
    """

    row: Row
    image: np.ndarray
    target: np.ndarray
    prediction: Prediction
    matrix: np.ndarray


def count_images(
    predictor: Predictor, rows: Sequence[Row], classes: ClassList, each: Callable[[Seen], None] | None = None
) -> ImageTable:
    """The confusion counts of each raw test image, one after the other: no picture stays in memory.

    Args:
        predictor: the model.
        rows: of the manifest; those of the split "test" are scored.
        classes: of the data set.
        each: is given every image, in the rows' order.

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
            each(Seen(row, image, target, prediction, matrices[place]))
        progress.advance()
    progress.close()
    names, groups = tuple(row.name for row in test), tuple(row.group for row in test)
    return ImageTable(classes.names, names, groups, heights, widths, brightness, matrices)


def scores_of(matrix: np.ndarray, classes: ClassList, floor_class: str, num_images: int, evidence: Evidence) -> Scores:
    """Every score that follows from the pooled counts.

    Args:
        matrix: (K, K) counts, rows are targets.
        classes: of the data set.
        floor_class: the class that the floor always says.
        num_images: images that were counted.
        evidence: what was scored.
    """
    floor = np.zeros_like(matrix)
    floor[:, classes.names.index(floor_class)] = matrix.sum(axis=1)
    report = classification_report(matrix, classes.names)
    predicted = dict(zip(classes.names, matrix.sum(axis=0).tolist(), strict=True))
    return Scores(
        mean_iou=mean_iou(matrix),
        pixel_accuracy=pixel_accuracy(matrix),
        frequency_weighted_iou=frequency_weighted_iou(matrix),
        floor=Floor(floor_class, mean_iou(floor), pixel_accuracy(floor)),
        iou=dict(zip(classes.names, iou_per_class(matrix).tolist(), strict=True)),
        classification_report={name: _report_row(row) for name, row in report.items()},
        num_images=num_images,
        num_pixels=int(matrix.sum()),
        evidence=evidence,
        strays={name: number for name, number in predicted.items() if number and not report[name]["support"]},
    )


def intervals_of(
    table: ImageTable, *, unit: Unit, num_resamples: int, seed: int, confidence: float, min_units: int
) -> Intervals:
    """Bootstrap intervals of the mean IoU and of each class; for the arguments see `bootstrap.mean_iou_interval`."""
    settings: Any = {"unit": unit, "num_resamples": num_resamples, "seed": seed, "confidence": confidence}
    return Intervals(
        unit=unit,
        confidence=confidence,
        min_units=min_units,
        mean_iou=mean_iou_interval(table, **settings, min_units=min_units),
        iou=class_intervals(table, **settings, min_units=min_units),
        num_left_out=count_left_out(table, unit),
    )


def commonest_class(class_pixels: Mapping[str, int], classes: ClassList) -> str:
    """The class with the most pixels, the first of equals; what one says who has only counted the training masks.

    Raises:
        EvidenceError: the pixels are of other classes.
    """
    if set(class_pixels) != set(classes.names):
        raise EvidenceError(
            f"pixels are counted for {sorted(class_pixels)}, the data set has {list(classes.names)}; "
            "run the stage `preprocess` again"
        )
    return max(classes.names, key=lambda name: class_pixels[name])


def select_test(rows: Sequence[Row]) -> list[Row]:
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


def check_test_split(rows: Sequence[Row]) -> None:
    """Holds that the files of the test split have the MD5s that `rows` of the manifest say.

    Raises:
        EvidenceError: names the first file that is missing or another one.
    """
    for row in rows:
        for path, md5 in ((row.image, row.image_md5), (row.mask, row.mask_md5)):
            if row.split == "test" and not (path.is_file() and md5_of(path) == md5):
                raise EvidenceError(f"{path}: is not the file that was validated; run `dvc repro validate` first")


def read_pair(row: Row) -> tuple[np.ndarray, np.ndarray]:
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


def _count(row: Row, target: np.ndarray, pred: np.ndarray, classes: ClassList) -> np.ndarray:
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


def _report_row(row: Mapping[str, float]) -> ReportRow:
    return ReportRow(row["precision"], row["recall"], row["f1"], int(row["support"]))
