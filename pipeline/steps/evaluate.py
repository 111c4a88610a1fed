"""Scores the exported model on the raw test images, and writes tables and pictures of its right and wrong pixels.

Besides scores.json the folder holds

- per_image.csv: a row for each test image. Its columns "A>B" are the pixels of class A that were taken for B.
- suspects.csv: areas whose label may be wrong, because the model is sure of another class; a list for labelling again.
- per_class.csv, confusion.csv (a row for each target class), confusion.svg: the same, pooled over the split;
  by_class/METRIC.csv for `dvc plots`.
- overlays/: KIND_RANK.jpg with image, truth, prediction and wrong pixels of the worst images, of those with the most
  suspected pixels and of some random ones; overlays.csv with the sample of each; legend.svg.
"""

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.dataset.contract import ClassList, read_class_list
from pipeline.dataset.fingerprint import Fingerprint
from pipeline.dataset.manifest import MANIFEST, ManifestRow, read_manifest
from pipeline.disk.files import md5_of, written_whole
from pipeline.disk.records import nan_as_null, write_csv
from pipeline.evaluation.label_errors import Suspect, find_suspects, write_suspects
from pipeline.evaluation.metrics.metric import Seen, Setting
from pipeline.evaluation.metrics.table import METRICS
from pipeline.evaluation.overlays import Kind, Picture, Shortlist, join_panels, legend, make_panels, write_overlays
from pipeline.evaluation.scorer import check_test_split, count_images, majority_class, scores_of, select_test
from pipeline.evaluation.scores import SCORES, Scores, evidence_of
from pipeline.evaluation.wording import baseline_words, few_units, left_out
from pipeline.params import EvaluateParams, read_params
from pipeline.runtime.program import run_stage
from pipeline.serving.model_card import MODEL, ModelCard
from pipeline.serving.predictor import Predictor
from pipeline.vision.charts import confusion_chart, standalone
from pipeline.vision.codec import encode_jpeg
from pipeline.vision.confusion import mean_iou

EVALUATE = Path("work/evaluate")
JPEG_QUALITY = 88


def evaluate(
    predictor: Predictor,
    rows: Sequence[ManifestRow],
    classes: ClassList,
    fingerprint: Fingerprint,
    params: EvaluateParams,
    out: Path,
    manifest: Path = MANIFEST,
) -> Scores:
    """Scores a model on the test split and writes the whole folder `out`, or none of it.

    The `rows` are those of every split; `manifest` is the file that they were read from.

    Raises:
        DataError: the test split is empty, or a file cannot be scored.
        EvidenceError: a test file is not the one that was validated, or the model does not fit the data.
    """
    chosen = choose_random(select_test(rows), params.num_random_overlays, params.seed)
    bootstrap = params.bootstrap.model_dump()
    setting = Setting(classes.names, params.boundary_width, params.boundary_tolerance_px, bootstrap)
    metrics = {name: make(setting) for name, make in METRICS.items()}
    with written_whole(out) as folder, ThreadPoolExecutor() as pool:
        evidence = pool.submit(evidence_of, predictor.folder, rows, manifest)
        check_test_split(rows)
        details = Details(classes, params, chosen)

        def take_in(seen: Seen) -> None:
            """Metrics run in threads: boundaries take as long as the rest."""
            running = [pool.submit(metric.add, seen) for metric in metrics.values()]
            details.add(seen)
            for metric in running:
                metric.result()

        folder.mkdir()
        table = count_images(predictor, rows, classes, take_in)
        results = {name: metric.result(table) for name, metric in metrics.items()}
        baseline_class = majority_class(fingerprint.class_pixels, classes)
        scores = scores_of(table, results, baseline_class, evidence.result(), bootstrap)
        table.write(folder / "per_image.csv")
        write_suspects(folder / "suspects.csv", details.suspects)
        write_tables(folder, table.pooled(), scores)
        show_images(details.shown, classes, folder / "overlays", pool)
        scores.write(folder / "scores.json")
    return scores


class Details:
    """Suspects and shown images, gathered while the images pass."""

    def __init__(self, classes: ClassList, params: EvaluateParams, random: Sequence[ManifestRow]) -> None:
        self.classes, self.params = classes, params
        self.place_of = {row.name: place for place, row in enumerate(random)}
        self.suspects: list[Suspect] = []
        self.shown: dict[Kind, Shortlist] = {
            "worst": Shortlist(params.num_worst_overlays),
            "suspect": Shortlist(params.num_suspects),
            "random": Shortlist(len(random)),
        }

    def add(self, seen: Seen) -> None:
        """Takes in an image and what the model made of it."""
        suspects = find_suspects(
            seen.row.name,
            self.classes.names,
            *seen.counted,
            seen.confidence,
            min_confidence=self.params.suspect_confidence,
            min_area_px=self.params.suspect_min_area_px,
            edge_px=self.params.boundary_tolerance_px,
        )
        self.suspects += suspects
        self._offer(seen, sum(suspect.num_pixels for suspect in suspects))

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


def write_tables(folder: Path, matrix: np.ndarray, scores: Scores) -> None:
    """Writes per_class.csv, by_class/METRIC.csv, confusion.csv and confusion.svg."""
    class_names = list(scores.support)
    by_class = {name: result for name, result in scores.metrics.items() if result.by_class}
    ends = scores.metrics["mean_iou"].intervals
    columns = [metric.removeprefix("mean_") for metric in by_class]
    rows = [
        [
            name,
            *(result.by_class[name] for result in by_class.values()),
            *(ends[name].low, ends[name].high, scores.support[name]),
        ]
        for name in class_names
    ]
    header = ["class", *columns, "iou_low", "iou_high", "support"]
    write_csv(folder / "per_class.csv", header, nan_as_null(rows))
    for metric, result in by_class.items():
        values = [(name, result.by_class[name]) for name in class_names]
        write_csv(folder / "by_class" / f"{metric}.csv", ("class", "value"), nan_as_null(values))
    counts = [(name, *row) for name, row in zip(class_names, matrix.tolist(), strict=True)]
    write_csv(folder / "confusion.csv", ("target", *class_names), counts)
    (folder / "confusion.svg").write_text(standalone(confusion_chart(matrix, class_names)), encoding="utf-8")


def show_images(shortlists: Mapping[Kind, Shortlist], classes: ClassList, folder: Path, pool: Executor) -> None:
    """Writes the overlays, named by kind and rank, the list of their samples, and the legend."""
    folder.mkdir()
    pictures = {entry.name: entry.picture for listed in shortlists.values() for entry in listed.entries}
    drawn = pool.map(partial(_draw, classes), pictures.values())  # once each: an image can be on several lists
    jpegs = dict(zip(pictures, drawn, strict=True))
    names = {kind: [entry.name for entry in listed.entries] for kind, listed in shortlists.items()}
    write_overlays(folder, {kind: [(name, jpegs[name]) for name in listed] for kind, listed in names.items()})
    (folder / "legend.svg").write_text(legend(classes), encoding="utf-8")


def _draw(classes: ClassList, picture: Picture) -> bytes:
    return encode_jpeg(join_panels(make_panels(picture, classes)), JPEG_QUALITY)


def choose_random(rows: Sequence[ManifestRow], num_rows: int, seed: int) -> list[ManifestRow]:
    """Rows drawn without replacement; the same seed and number of rows give the same ones."""
    order = np.random.Generator(np.random.Philox(seed)).permutation(len(rows))
    return [rows[index] for index in order[:num_rows]]


def describe(scores: Scores) -> str:
    """The mean IoU in a few lines: its interval or why it has none, and what it leaves out."""
    baseline, bootstrap, interval = scores.baseline, scores.bootstrap, scores.metrics["mean_iou"].interval
    lines = [f"mean IoU {scores.mean_iou:.4f} ({baseline_words(baseline.class_name, baseline.mean_iou)})"]
    lines += filter(None, [left_out(bootstrap.num_left_out, bootstrap.unit)])
    if interval.is_shown:
        ends = f"{interval.low:.4f} to {interval.high:.4f}, by {interval.num_units} {bootstrap.unit}s"
        caveat = few_units(interval, bootstrap.unit)
        return "\n".join([*lines, f"{100 * bootstrap.confidence:g}% interval {ends}{caveat}"])
    least = f"it takes {bootstrap.min_units}: put more {bootstrap.unit}s into test"
    return "\n".join([*lines, f"no interval: the test split has {interval.num_units} {bootstrap.unit}s, {least}"])


def main() -> Mapping[str, Any]:
    """Scores what `export` wrote on what `validate` let through; returns the summary."""
    params, rows, classes, fingerprint = read_params().evaluate, read_manifest(), read_class_list(), Fingerprint.read()
    select_test(rows)
    ModelCard.read(MODEL)
    from pipeline.backend.tf import set_up_devices  # seconds to import: what is missing is said before

    set_up_devices(num_threads=0)
    scores = evaluate(Predictor.read(MODEL), rows, classes, fingerprint, params, EVALUATE)
    print(describe(scores))
    print(f"labels to look at: {EVALUATE / 'suspects.csv'}")
    return {
        "mean_iou": scores.mean_iou,
        "pixel_accuracy": scores.metrics["pixel_accuracy"].value,
        "num_images": scores.num_images,
        "scores_md5": md5_of(SCORES),
    }


if __name__ == "__main__":
    run_stage("evaluate", main)
