"""Scores the exported model on the raw test images, and gathers what shows where it is right and wrong.

Besides scores.json the folder holds

- per_image.csv: a row for each test image. Its columns "A>B" are the pixels of class A that were taken for B.
- suspects.csv: areas whose label may be wrong, because the model is sure of another class; a list to label again by.
- per_class.csv, confusion.csv (a row for each target class), confusion.svg: the same, pooled over the split.
- overlays/: image, truth, prediction and wrong pixels of the worst images, of those with the most suspected pixels
  and of some random ones; legend.svg.
"""

import csv
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from pipeline.bootstrap import mean_iou_interval
from pipeline.boundary import BoundaryTally, hide_ignored
from pipeline.calibration import CalibrationTally
from pipeline.charts import confusion_chart, standalone
from pipeline.confusion import mean_iou
from pipeline.dataset import ClassList, read_class_list
from pipeline.files import written_whole
from pipeline.fingerprint import Fingerprint
from pipeline.image_table import ImageTable
from pipeline.images import encode_jpeg
from pipeline.manifest import MANIFEST, Row, read_manifest
from pipeline.model_card import MODEL, ModelCard
from pipeline.overlays import join_panels, legend, make_panels
from pipeline.params import EvaluateParams, read_params
from pipeline.predictor import Predictor
from pipeline.program import run_stage
from pipeline.scores import Scores, evidence_of
from pipeline.scoring import (
    Seen,
    check_test_split,
    commonest_class,
    count_images,
    intervals_of,
    read_pair,
    scores_of,
    select_test,
)
from pipeline.slices import score_slices
from pipeline.suspects import Suspect, find_suspects, rank_images, write_suspects

EVALUATE = Path("work/evaluate")
JPEG_QUALITY = 88


def evaluate(
    predictor: Predictor,
    rows: Sequence[Row],
    classes: ClassList,
    fingerprint: Fingerprint,
    params: EvaluateParams,
    out: Path,
    manifest: Path = MANIFEST,
) -> Scores:
    """Scores a model on the test split and writes the whole folder `out`, or none of it.

    Args:
        predictor: the exported model.
        rows: of the manifest.
        classes: of the data set.
        fingerprint: of the training data.
        params: what is measured, and how many images are shown.
        out: folder to write.
        manifest: the file of `rows`.

    Raises:
        DataError: the test split is empty, or a file cannot be scored.
        EvidenceError: a test file is not the one that was validated, or the model does not fit the data.
    """
    check_test_split(rows)
    details = Details(classes, params)
    with written_whole(out) as folder:
        folder.mkdir()
        table = count_images(predictor, rows, classes, details.add)
        table.write(folder / "per_image.csv")
        write_suspects(folder / "suspects.csv", details.suspects)
        floor_class = commonest_class(fingerprint.class_pixels, classes)
        plain = scores_of(
            table.pooled(), classes, floor_class, len(table), evidence_of(predictor.folder, rows, manifest)
        )
        scores = replace(
            plain,
            intervals=intervals_of(table, **params.bootstrap.model_dump()),
            boundary=details.boundary.scores(classes.names),
            calibration=details.calibration.calibration(),
            slices=score_slices(table, partial(mean_iou_interval, **params.bootstrap.model_dump())),
        )
        write_tables(folder, table.pooled(), classes, scores)
        show_images(predictor, select_test(rows), classes, table, details.suspects, params, folder / "overlays")
        scores.write(folder / "scores.json")
    return scores


class Details:
    """What is gathered of the pixels while the images pass, beside their counts.

    Attributes:
        boundary: counts of the classes' edges.
        calibration: counts by confidence.
        suspects: areas whose label may be wrong.
    """

    def __init__(self, classes: ClassList, params: EvaluateParams) -> None:
        self.classes, self.params = classes, params
        self.boundary = BoundaryTally(len(classes), params.boundary_width, params.boundary_tolerance_px)
        self.calibration = CalibrationTally()
        self.suspects: list[Suspect] = []

    def add(self, seen: Seen) -> None:
        """Takes in an image."""
        confidence = seen.prediction.confidence()
        target, pred = hide_ignored(seen.target, seen.prediction.mask, self.classes.ignore_id)
        self.boundary.add(target, pred)
        self.calibration.add(confidence, target == pred, seen.target != self.classes.ignore_id)
        self.suspects += find_suspects(
            seen.row.name,
            self.classes.names,
            target,
            pred,
            confidence,
            min_confidence=self.params.suspect_confidence,
            min_area_px=self.params.suspect_min_area_px,
            edge_px=self.params.boundary_tolerance_px,
        )


def rank_worst(table: ImageTable, number: int) -> list[int]:
    """Places in the table of the images with the lowest mean IoU, lowest first; those that have none are left out."""
    scored = [(iou, place) for place, iou in enumerate(map(mean_iou, table.matrices)) if iou == iou]
    return [place for _, place in sorted(scored)[:number]]


def write_tables(folder: Path, matrix: np.ndarray, classes: ClassList, scores: Scores) -> None:
    """Writes per_class.csv, confusion.csv and confusion.svg."""
    with (folder / "per_class.csv").open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        names = ("iou", "precision", "recall", "f1", "iou_low", "iou_high", "boundary_iou", "boundary_f1")
        table.writerow(("class", *names, "support"))
        for name in classes.names:
            row, interval, boundary = scores.classification_report[name], scores.intervals.iou[name], scores.boundary
            shares = (scores.iou[name], row.precision, row.recall, row.f1, interval.low, interval.high)
            table.writerow((name, *map(_cell, (*shares, boundary.iou[name], boundary.f1[name])), row.support))
    with (folder / "confusion.csv").open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("target", *classes.names))
        table.writerows((name, *counts) for name, counts in zip(classes.names, matrix.tolist(), strict=True))
    (folder / "confusion.svg").write_text(standalone(confusion_chart(matrix, classes.names)))


def show_images(
    predictor: Predictor,
    test: Sequence[Row],
    classes: ClassList,
    table: ImageTable,
    suspects: Sequence[Suspect],
    params: EvaluateParams,
    folder: Path,
) -> None:
    """Writes the overlays, named by kind and rank, and their legend.

    Args:
        predictor: the model.
        test: rows of the table's images, in its order.
        classes: of the data set.
        table: counts of each image.
        suspects: areas of these images.
        params: how many images are shown.
        folder: to write.
    """
    row_of = {row.name: row for row in test}
    chosen = {
        "worst": [test[place] for place in rank_worst(table, params.num_worst_overlays)],
        "suspect": [row_of[name] for name in rank_images(suspects, params.num_suspects)],
        "random": choose_random(test, params.num_random_overlays, params.seed),
    }
    folder.mkdir()
    for kind, rows in chosen.items():
        for rank, row in enumerate(rows, start=1):
            image, target = read_pair(row)
            panels = make_panels(image, target, predictor.predict(image).mask, classes)
            (folder / f"{kind}_{rank:02}_{row.name}.jpg").write_bytes(encode_jpeg(join_panels(panels), JPEG_QUALITY))
    (folder / "legend.svg").write_text(legend(classes))


def choose_random(rows: Sequence[Row], num_rows: int, seed: int) -> list[Row]:
    """Rows drawn without replacement, by a counter-based generator: the same for the same seed and number of rows."""
    order = np.random.Generator(np.random.Philox(seed)).permutation(len(rows))
    return [rows[index] for index in order[:num_rows]]


def _cell(share: float) -> str:
    """Empty for nan."""
    return "" if share != share else str(share)


def tell(scores: Scores) -> str:
    """The mean IoU in a few lines: with its interval, or why there is none."""
    floor, intervals, found = scores.floor, scores.intervals, scores.intervals.mean_iou
    head = f"mean IoU {scores.mean_iou:.4f} (always {floor.class_name}: {floor.mean_iou:.4f})"
    if found.is_shown:
        ends = f"{found.low:.4f} to {found.high:.4f}, by {found.num_units} {intervals.unit}s"
        return f"{head}\n{intervals.confidence:.0%} interval {ends}"
    least = f"it takes {intervals.min_units}: put more {intervals.unit}s into test"
    return f"{head}\nno interval: the test split has {found.num_units} {intervals.unit}s, {least}"


def main() -> None:
    """Scores what `export` wrote on what `validate` let through."""
    params, rows, classes, fingerprint = read_params().evaluate, read_manifest(), read_class_list(), Fingerprint.read()
    select_test(rows)
    ModelCard.read(MODEL)
    from pipeline.tf import set_up_devices  # seconds to import: what is missing is said before

    set_up_devices(num_threads=0)
    scores = evaluate(Predictor.read(MODEL), rows, classes, fingerprint, params, EVALUATE)
    print(tell(scores))
    print(f"labels to look at: {EVALUATE / 'suspects.csv'}")


if __name__ == "__main__":
    run_stage("evaluate", main)
