"""Scores the exported model on the raw test images, and shows what it gets right and wrong.

Besides scores.json and report.html the folder holds

- per_image.csv: a row for each test image. Its columns "A>B" are the pixels of class A that were taken for B.
- per_class.csv, confusion.csv (a row for each target class), confusion.svg: the same, pooled over the split.
- overlays/: image, truth, prediction and wrong pixels of the worst and of some random images; legend.svg.
"""

import csv
from bisect import insort
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from pipeline.charts import confusion_chart, standalone
from pipeline.confusion import confusion, mean_iou, pixel_accuracy
from pipeline.dataset import SPLITS, ClassList, read_class_list
from pipeline.files import read_json, written_whole
from pipeline.fingerprint import Fingerprint
from pipeline.images import encode_jpeg
from pipeline.manifest import MANIFEST, Row, read_manifest
from pipeline.model_card import MODEL, ModelCard
from pipeline.overlays import join_panels, legend, make_panels
from pipeline.params import EvaluateParams, read_params
from pipeline.predictor import Predictor
from pipeline.program import run_stage
from pipeline.report import Report, Shown
from pipeline.scores import Scores
from pipeline.scoring import ImageCounts, commonest_class, read_pair, score, select_test

EVALUATE = Path("work/evaluate")
HISTORY = Path("work/train/history.csv")
RECORDS = {"Training": Path("work/train/summary.json"), "Export": Path("work/export/parity.json")}
NUM_BINS = 20
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
        params: how many images are shown.
        out: folder to write.
        manifest: the file of `rows`.
    """
    with written_whole(out) as folder:
        folder.mkdir()
        with (folder / "per_image.csv").open("w", newline="") as file:
            tally = Tally(file, classes, params.num_worst_overlays)
            floor_class = commonest_class(fingerprint.class_pixels, classes)
            scores = score(predictor, rows, classes, floor_class, manifest, tally.add)
        write_tables(folder, tally.matrix, classes, scores)
        chosen = choose_random(select_test(rows), params.num_random_overlays, params.seed)
        report = Report(
            scores=scores,
            classes=classes,
            matrix=tally.matrix,
            train_pixels=fingerprint.class_pixels,
            history=read_history(HISTORY),
            num_images_by_iou=tally.num_images_by_iou,
            worst=show(predictor, [row for _, _, row in tally.worst], classes, folder / "overlays", "worst"),
            random=show(predictor, chosen, classes, folder / "overlays", "random"),
            facts=gather_facts(predictor, rows, classes, fingerprint, scores),
        )
        (folder / "overlays" / "legend.svg").write_text(legend(classes))
        (folder / "report.html").write_text(report.to_html())
        scores.write(folder / "scores.json")
    return scores


class Tally:
    """What is gathered while the images pass: a table row each, the pooled counts and the worst images.

    Attributes:
        matrix: (K, K) int64 pooled counts, rows are targets.
        num_images_by_iou: images in each of `NUM_BINS` bins of [0, 1]; images without a counted pixel are in none.
        worst: mean IoU, place in the split and row of the worst images, worst first.
    """

    def __init__(self, file: TextIO, classes: ClassList, num_worst: int) -> None:
        self.matrix = np.zeros((len(classes), len(classes)), np.int64)
        self.num_images_by_iou = [0] * NUM_BINS
        self.worst: list[tuple[float, int, Row]] = []
        self.num_worst, self.num_images = num_worst, 0
        self.table = csv.writer(file, lineterminator="\n")
        pairs = [f"{target}>{pred}" for target in classes.names for pred in classes.names]
        columns = ("name", "group", "height", "width", "num_counted", "num_ignored", "mean_iou", "pixel_accuracy")
        self.table.writerow((*columns, *pairs))

    def add(self, image: ImageCounts) -> None:
        """Takes in the counts of one image."""
        row, matrix = image
        counted, iou, accuracy = int(matrix.sum()), mean_iou(matrix), pixel_accuracy(matrix)
        sizes = (row.height, row.width, counted, row.height * row.width - counted)
        scores = (_cell(iou), _cell(accuracy))
        self.table.writerow((row.name, row.group, *sizes, *scores, *matrix.ravel().tolist()))
        self.matrix += matrix
        self.num_images += 1
        if counted:
            self.num_images_by_iou[min(int(iou * NUM_BINS), NUM_BINS - 1)] += 1
            insort(self.worst, (iou, self.num_images, row))
            del self.worst[self.num_worst :]


def write_tables(folder: Path, matrix: np.ndarray, classes: ClassList, scores: Scores) -> None:
    """Writes per_class.csv, confusion.csv and confusion.svg."""
    with (folder / "per_class.csv").open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("class", "iou", "precision", "recall", "f1", "support"))
        for name in classes.names:
            row = scores.classification_report[name]
            shares = (_cell(share) for share in (scores.iou[name], row.precision, row.recall, row.f1))
            table.writerow((name, *shares, row.support))
    with (folder / "confusion.csv").open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("target", *classes.names))
        table.writerows((name, *counts) for name, counts in zip(classes.names, matrix.tolist(), strict=True))
    (folder / "confusion.svg").write_text(standalone(confusion_chart(matrix, classes.names)))


def choose_random(rows: Sequence[Row], num_rows: int, seed: int) -> list[Row]:
    """Rows drawn without replacement, by a counter-based generator: the same for the same seed and number of rows."""
    order = np.random.Generator(np.random.Philox(seed)).permutation(len(rows))
    return [rows[index] for index in order[:num_rows]]


def show(predictor: Predictor, rows: Sequence[Row], classes: ClassList, folder: Path, kind: str) -> list[Shown]:
    """Writes the overlay of each row, named by kind and rank, and gives what the report needs."""
    folder.mkdir(exist_ok=True)
    shown = []
    for rank, row in enumerate(rows, start=1):
        image, target = read_pair(row)
        pred = predictor.predict(image).mask
        panels = make_panels(image, target, pred, classes)
        jpegs = [encode_jpeg(panel, JPEG_QUALITY) for panel in panels]
        (folder / f"{kind}_{rank:02}_{row.name}.jpg").write_bytes(encode_jpeg(join_panels(panels), JPEG_QUALITY))
        matrix = confusion(target, pred, len(classes), classes.ignore_id)
        shown.append(Shown(row.name, row.group, mean_iou(matrix), pixel_accuracy(matrix), tuple(jpegs)))
    return shown


def read_history(path: Path) -> list[dict[str, float]]:
    """The training's epochs; none where the model was not trained here."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [{name: float(value or "nan") for name, value in row.items()} for row in csv.DictReader(file)]


def gather_facts(
    predictor: Predictor, rows: Sequence[Row], classes: ClassList, fingerprint: Fingerprint, scores: Scores
) -> dict[str, list[tuple[str, str]]]:
    """Where data and model come from, for the report."""
    card, evidence = predictor.card, scores.evidence
    cleaning = ", ".join(f"{name} {value}" for name, value in vars(card.postprocess).items() if value)
    facts = {
        "Data": [
            *((f"split {split}", _count_split(rows, split)) for split in SPLITS),
            ("classes", f"{len(classes)}, ignore id {classes.ignore_id}"),
            ("manifest, MD5", evidence.manifest_md5),
            ("test split, MD5", evidence.test_md5),
        ],
        "Model": [
            ("SavedModel, MD5", evidence.model_md5),
            ("working size", " x ".join(map(str, card.size)) + " px (height x width)"),
            ("cleaning of the mask", cleaning or "none"),
            ("scored with", f"TensorFlow {version('tensorflow')}"),
        ],
    }
    return facts | {heading: _read_record(path) for heading, path in RECORDS.items()}


def _count_split(rows: Sequence[Row], split: str) -> str:
    members = [row for row in rows if row.split == split]
    num_groups = len({row.group for row in members})
    return f"{len(members)} images, {num_groups} group{'s' * (num_groups != 1)}"


def _read_record(path: Path) -> list[tuple[str, str]]:
    """The plain values of a JSON file that another stage wrote; none where it is not there."""
    content: Mapping[str, Any] = read_json(path, path.parent.name) if path.exists() else {}
    plain = {name: value for name, value in content.items() if isinstance(value, str | int | float)}
    return [
        (name.replace("_", " "), f"{value:g}" if isinstance(value, float) else str(value))
        for name, value in plain.items()
    ]


def _cell(share: float) -> str:
    """Empty for nan."""
    return "" if share != share else str(share)


def main() -> None:
    """Scores what `export` wrote on what `validate` let through."""
    params, rows, classes, fingerprint = read_params().evaluate, read_manifest(), read_class_list(), Fingerprint.read()
    select_test(rows)
    ModelCard.read(MODEL)
    from pipeline.tf import set_up_devices  # seconds to import: what is missing is said before

    set_up_devices(num_threads=0)
    scores = evaluate(Predictor.read(MODEL), rows, classes, fingerprint, params, EVALUATE)
    print(f"mean IoU {scores.mean_iou:.4f} (always {scores.floor.class_name}: {scores.floor.mean_iou:.4f})")
    print(f"report: {EVALUATE / 'report.html'}")


if __name__ == "__main__":
    run_stage("evaluate", main)
