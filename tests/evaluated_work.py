"""What the stages leave in `work/`, drawn small: what a report is made from."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.dataset.contract import ClassList
from pipeline.dataset.fingerprint import Fingerprint
from pipeline.dataset.manifest import ManifestRow, write_manifest
from pipeline.disk.files import md5_of, write_json
from pipeline.evaluation.bootstrap import Interval
from pipeline.evaluation.image_table import ImageTable
from pipeline.evaluation.label_errors import Suspect, write_suspects
from pipeline.evaluation.metrics.metric import Bin, MetricResult, Setting
from pipeline.evaluation.metrics.table import METRICS
from pipeline.evaluation.overlays import Kind, Picture, join_panels, make_panels, write_overlays
from pipeline.evaluation.reasons import Reason
from pipeline.evaluation.scorer import scores_of
from pipeline.evaluation.scores import Bootstrap, Evidence, Scores
from pipeline.evaluation.slices import Slice
from pipeline.evaluation.verdict import Verdict
from pipeline.report.evidence import Decision
from pipeline.serving.model_card import ModelCard, Postprocess
from pipeline.vision.codec import encode_jpeg

CLASSES = ClassList(("sky", "<script>", "absent"), ((0, 0, 255), (90, 90, 90), (1, 2, 3)), 255)
MATRICES = np.array([[[60, 0, 0], [0, 10, 0], [0, 0, 0]], [[10, 10, 0], [5, 5, 0], [0, 0, 0]]])
NAN = math.nan
BOOTSTRAP: dict[str, Any] = {"unit": "group", "num_resamples": 100, "seed": 0, "confidence": 0.95, "min_units": 5}
GATED = Reason("reaches_floor", {"name": "mean_iou", "value": 0.66, "threshold": 0.5})
UNKNOWN = Interval(NAN, NAN, NAN, 0)
PROMOTED = Decision(
    promoted=True,
    label="Promoted",
    headline="segline/7 is champion",
    reasons=("it is better by more than chance",),
    champion="segline/6",
    difference=Interval(0.02, 0.01, 0.03, 12),
    by_class={"sky": Interval(0.01, -0.01, 0.02, 12), "<script>": Interval(-0.1, -0.2, -0.05, 12), "absent": UNKNOWN},
    tags={"git_commit": "c0ffee", "data_md5": "4da7a.dir", "mean_iou": "0.662"},
)


def make_scores(**changes: Any) -> Scores:
    """Scores of two images, with an interval that is shown and one that is not, and slices, but for the changes."""
    known = {"sky": Interval(0.8, 0.7, 0.9, 6), "<script>": Interval(0.5, NAN, NAN, 3), "absent": UNKNOWN}
    setting = Setting(CLASSES.names, 0, 0, BOOTSTRAP)
    names = ("mean_iou", "pixel_accuracy", "precision", "recall", "f1")
    results = {name: METRICS[name](setting).result(make_table()) for name in names}
    results |= {
        "mean_iou": replace(results["mean_iou"], interval=Interval(0.662, 0.6, 0.7, 6), intervals=known),
        "boundary_iou": MetricResult(0.4, {"sky": 0.4, "<script>": NAN}),
        "boundary_f1": MetricResult(0.5, {"sky": 0.5, "<script>": NAN}),
        "calibration_error": MetricResult(0.125, bins=(Bin(0, 0.5, 0, NAN, NAN), Bin(0.5, 1, 100, 0.9, 0.775))),
    }
    scores = scores_of(make_table(), results, "sky", Evidence("m", "0123abcd", "t"), None)
    usual: dict[str, Any] = {
        "bootstrap": Bootstrap("group", 0.95, 5),
        "slices": (
            Slice("group", "street & co", 2, 0.3, NAN, NAN, Interval(0.3, NAN, NAN, 1)),
            Slice("brightness", "dark", 1, 0.7, 10, 90, Interval(0.7, 0.65, 0.75, 6)),
            Slice("brightness", "bright", 1, 0.8, 91, 99, Interval(0.8, NAN, NAN, 3)),
        ),
    }
    return replace(scores, **(usual | changes))


def with_mean_iou(scores: Scores, **changes: Any) -> Scores:
    """The scores with another result of the mean IoU."""
    return replace(scores, metrics={**scores.metrics, "mean_iou": replace(scores.metrics["mean_iou"], **changes)})


def make_table() -> ImageTable:
    """The counts of the two images."""
    sizes, groups = np.array([16, 16]), ("street & co", "street & co")
    return ImageTable(CLASSES.names, ("a_1", "b"), groups, sizes, 2 * sizes, np.array([10.0, 90.0]), MATRICES)


def write_evaluated(work: Path) -> None:
    """Fills `work` with what all stages leave, an overlay of each kind among it."""
    evaluate = work / "evaluate"
    for name in ("evaluate/overlays", "train", "export", "preprocess", "gate"):
        (work / name).mkdir(parents=True)
    make_table().write(evaluate / "per_image.csv")
    write_suspects(evaluate / "suspects.csv", [Suspect("a_1", "sky", "<script>", 99, 8, 4, 16, 8)])
    counts = "".join(",".join(map(str, ("x", *row))) + "\n" for row in MATRICES.sum(axis=0).tolist())
    (evaluate / "confusion.csv").write_text("target,sky,<script>,absent\n" + counts)
    make_scores().write(evaluate / "scores.json")
    write_pictures(evaluate / "overlays")
    Verdict(True, (GATED,), md5_of(evaluate / "scores.json"), 0.66, None).write(work / "gate/verdict.json")
    (work / "train/history.csv").write_text("epoch,loss,val_mean_iou\n1,0.5,0.25\n2,0.25,\n")
    write_json(work / "train/summary.json", {"num_parameters": 1234567, "nested": {}})
    ModelCard(CLASSES, (16, 32), Postprocess(0, 3, 0)).write(work / "export/model")
    write_json(work / "export/parity.json", {"disagreeing_share": 0.25, "golden_images": ["a"]})
    pixels = {"sky": 995, "<script>": 5, "absent": 0}
    numbers = {"train": 10, "val": 1, "test": 2}
    Fingerprint(CLASSES, (16, 32), numbers, (0, 0, 0), (1, 1, 1), pixels, {}).write(
        work / "preprocess/fingerprint.json"
    )
    paths = Path("i.png"), Path("m.png")
    write_manifest(
        work / "validate/manifest.csv", [ManifestRow("a_1", *paths, "street & co", "test", 16, 32, "x", "y")]
    )


def write_pictures(folder: Path) -> None:
    """Writes an overlay of each kind, as `evaluate` does, and a file that is none."""
    image, mask = np.zeros((16, 32, 3), np.uint8), np.zeros((16, 32), np.uint8)
    jpeg = encode_jpeg(join_panels(make_panels(Picture(image, mask, mask), CLASSES)), 80)
    shown: dict[Kind, tuple[str, ...]] = {"worst": ("a_1", "b"), "suspect": ("a_1",), "random": ("b",)}
    write_overlays(folder, {kind: [(name, jpeg) for name in names] for kind, names in shown.items()})
    (folder / "legend.svg").write_text("<svg/>")
