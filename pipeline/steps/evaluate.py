"""Scores the exported model on the raw test images, and gathers what shows where it is right and wrong.

Besides scores.json the folder holds

- per_image.csv: a row for each test image. Its columns "A>B" are the pixels of class A that were taken for B.
- suspects.csv: areas whose label may be wrong, because the model is sure of another class; a list to label again by.
- per_class.csv, confusion.csv (a row for each target class), confusion.svg: the same, pooled over the split.
- overlays/: KIND_RANK.jpg with image, truth, prediction and wrong pixels of the worst images, of those with the most
  suspected pixels and of some random ones; overlays.csv, which says whose they are; legend.svg.
"""

import csv
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.dataset.contract import ClassList, read_class_list
from pipeline.dataset.fingerprint import Fingerprint
from pipeline.dataset.manifest import MANIFEST, Row, read_manifest
from pipeline.disk.files import md5_of, written_whole
from pipeline.evaluation.bootstrap import mean_iou_interval
from pipeline.evaluation.boundary import BoundaryTally, hide_ignored
from pipeline.evaluation.calibration import CalibrationTally
from pipeline.evaluation.caveats import few_units, left_out
from pipeline.evaluation.label_errors import Suspect, find_suspects, write_suspects
from pipeline.evaluation.overlays import Picture, Shortlist, join_panels, legend, make_panels, write_overlays
from pipeline.evaluation.scorer import (
    Seen,
    check_test_split,
    commonest_class,
    count_images,
    intervals_of,
    scores_of,
    select_test,
)
from pipeline.evaluation.scores import SCORES, Scores, evidence_of
from pipeline.evaluation.slices import score_slices
from pipeline.params import EvaluateParams, read_params
from pipeline.runtime.program import run_stage
from pipeline.serving.model_card import MODEL, ModelCard
from pipeline.serving.predictor import Predictor
from pipeline.vision.charts import confusion_chart, standalone
from pipeline.vision.confusion import mean_iou
from pipeline.vision.images import encode_jpeg

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
    chosen = choose_random(select_test(rows), params.num_random_overlays, params.seed)
    with written_whole(out) as folder, ThreadPoolExecutor() as pool:
        evidence = pool.submit(evidence_of, predictor.folder, rows, manifest)
        check_test_split(rows)
        details = Details(classes, params, chosen, pool)
        folder.mkdir()
        table = count_images(predictor, rows, classes, details.add)
        table.write(folder / "per_image.csv")
        write_suspects(folder / "suspects.csv", details.suspects)
        floor_class = commonest_class(fingerprint.class_pixels, classes)
        plain = scores_of(table.pooled(), classes, floor_class, len(table), evidence.result())
        scores = replace(
            plain,
            intervals=intervals_of(table, **params.bootstrap.model_dump()),
            boundary=details.boundary.scores(classes.names),
            calibration=details.calibration.calibration(),
            slices=score_slices(table, partial(mean_iou_interval, **params.bootstrap.model_dump())),
        )
        write_tables(folder, table.pooled(), classes, scores)
        show_images(details.shown, classes, folder / "overlays", pool)
        scores.write(folder / "scores.json")
    return scores


class Details:
    """What is gathered of the pixels while the images pass, beside their counts.

    Attributes:
        boundary: counts of the classes' edges.
        calibration: counts by confidence.
        suspects: areas whose label may be wrong.
        shown: the worst images, those with the most suspected pixels and the random ones.
    """

    def __init__(self, classes: ClassList, params: EvaluateParams, random: Sequence[Row], pool: Executor) -> None:
        self.classes, self.params, self.pool = classes, params, pool
        self.place_of = {row.name: place for place, row in enumerate(random)}
        self.boundary = BoundaryTally(len(classes), params.boundary_width, params.boundary_tolerance_px)
        self.calibration = CalibrationTally()
        self.suspects: list[Suspect] = []
        self.shown = {
            "worst": Shortlist(params.num_worst_overlays),
            "suspect": Shortlist(params.num_suspects),
            "random": Shortlist(len(random)),
        }

    def add(self, seen: Seen) -> None:
        """Takes in an image; the edges in a thread: they take as long as the rest."""
        target, pred = hide_ignored(seen.target, seen.prediction.mask, self.classes.ignore_id)
        edges = self.pool.submit(self.boundary.add, target, pred)
        confidence = seen.prediction.confidence()
        self.calibration.add(confidence, target == pred, seen.target != self.classes.ignore_id)
        suspects = find_suspects(
            seen.row.name,
            self.classes.names,
            target,
            pred,
            confidence,
            min_confidence=self.params.suspect_confidence,
            min_area_px=self.params.suspect_min_area_px,
            edge_px=self.params.boundary_tolerance_px,
        )
        self.suspects += suspects
        self._offer(seen, sum(suspect.num_pixels for suspect in suspects))
        edges.result()

    def _offer(self, seen: Seen, num_suspected: int) -> None:
        """Lowest mean IoU first; most suspected pixels first; random ones in the order that they were drawn."""
        name, iou = seen.row.name, mean_iou(seen.matrix)
        picture = Picture(seen.image, seen.target, seen.prediction.mask)
        if not math.isnan(iou):
            self.shown["worst"].add(iou, name, picture)
        if num_suspected:
            self.shown["suspect"].add(-num_suspected, name, picture)
        if name in self.place_of:
            self.shown["random"].add(self.place_of[name], name, picture)


def write_tables(folder: Path, matrix: np.ndarray, classes: ClassList, scores: Scores) -> None:
    """Writes per_class.csv, confusion.csv and confusion.svg."""
    with (folder / "per_class.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        names = ("iou", "precision", "recall", "f1", "iou_low", "iou_high", "boundary_iou", "boundary_f1")
        table.writerow(("class", *names, "support"))
        for name in classes.names:
            row, interval, boundary = scores.classification_report[name], scores.intervals.iou[name], scores.boundary
            shares = (scores.iou[name], row.precision, row.recall, row.f1, interval.low, interval.high)
            table.writerow((name, *map(_cell, (*shares, boundary.iou[name], boundary.f1[name])), row.support))
    with (folder / "confusion.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("target", *classes.names))
        table.writerows((name, *counts) for name, counts in zip(classes.names, matrix.tolist(), strict=True))
    (folder / "confusion.svg").write_text(standalone(confusion_chart(matrix, classes.names)), encoding="utf-8")


def show_images(shortlists: Mapping[str, Shortlist], classes: ClassList, folder: Path, pool: Executor) -> None:
    """Writes the overlays, named by kind and rank, whose they are, and their legend.

    Args:
        shortlists: of each kind.
        classes: of the data set.
        folder: to write.
        pool: to draw in.
    """
    folder.mkdir()
    pictures = {entry.name: entry.picture for found in shortlists.values() for entry in found.entries}
    drawn = pool.map(partial(_draw, classes), pictures.values())  # once each: an image can be on several lists
    jpegs = dict(zip(pictures, drawn, strict=True))
    names = {kind: [entry.name for entry in found.entries] for kind, found in shortlists.items()}
    write_overlays(folder, {kind: [(name, jpegs[name]) for name in listed] for kind, listed in names.items()})
    (folder / "legend.svg").write_text(legend(classes), encoding="utf-8")


def _draw(classes: ClassList, picture: Picture) -> bytes:
    return encode_jpeg(join_panels(make_panels(picture, classes)), JPEG_QUALITY)


def choose_random(rows: Sequence[Row], num_rows: int, seed: int) -> list[Row]:
    """Rows drawn without replacement, by a counter-based generator: the same for the same seed and number of rows."""
    order = np.random.Generator(np.random.Philox(seed)).permutation(len(rows))
    return [rows[index] for index in order[:num_rows]]


def _cell(share: float) -> str:
    """Empty for nan."""
    return "" if share != share else str(share)


def tell(scores: Scores) -> str:
    """The mean IoU in a few lines: with its interval, or why there is none, and what is not in it."""
    floor, intervals, found = scores.floor, scores.intervals, scores.intervals.mean_iou
    head = f"mean IoU {scores.mean_iou:.4f} (always saying {floor.class_name} gives {floor.mean_iou:.4f})"
    if told := left_out(intervals.num_left_out, intervals.unit):
        head = f"{head}\n{told}"
    if found.is_shown:
        ends = f"{found.low:.4f} to {found.high:.4f}, by {found.num_units} {intervals.unit}s"
        return f"{head}\n{100 * intervals.confidence:g}% interval {ends}{few_units(found, intervals.unit)}"
    least = f"it takes {intervals.min_units}: put more {intervals.unit}s into test"
    return f"{head}\nno interval: the test split has {found.num_units} {intervals.unit}s, {least}"


def main() -> Mapping[str, Any]:
    """Scores what `export` wrote on what `validate` let through; returns the summary."""
    params, rows, classes, fingerprint = read_params().evaluate, read_manifest(), read_class_list(), Fingerprint.read()
    select_test(rows)
    ModelCard.read(MODEL)
    from pipeline.backend.tf import set_up_devices  # seconds to import: what is missing is said before

    set_up_devices(num_threads=0)
    scores = evaluate(Predictor.read(MODEL), rows, classes, fingerprint, params, EVALUATE)
    print(tell(scores))
    print(f"labels to look at: {EVALUATE / 'suspects.csv'}")
    return {
        "mean_iou": scores.mean_iou,
        "pixel_accuracy": scores.pixel_accuracy,
        "num_images": scores.num_images,
        "scores_md5": md5_of(SCORES),
    }


if __name__ == "__main__":
    run_stage("evaluate", main)
