"""The scores of the report: by class, as a confusion matrix, by group and slice, and the calibration."""

import math
from collections.abc import Mapping
from html import escape
from itertools import groupby

import numpy as np

from pipeline.evaluation.bootstrap import Interval
from pipeline.evaluation.scores import Scores
from pipeline.evaluation.slices import Slice
from pipeline.report.advice import mistakes
from pipeline.report.evidence import Dossier
from pipeline.report.page import change, chip, meter, number, percent, span, table
from pipeline.vision.charts import confusion_chart, histogram_chart, reliability_chart

NUM_MISTAKES, NUM_SLICES, NUM_BINS = 8, 12, 20
KINDS = {"group": "Groups", "size": "Image size, pixels", "brightness": "Brightness, mean luma in [0, 255]"}


def class_table(dossier: Dossier) -> str:
    """A row for each class, the worst first; a class without a score last."""
    scores = dossier.scores
    if scores is None:
        return ""
    against = dossier.decision.by_class if dossier.decision else {}
    head = ["class", "IoU", "interval", *(["against champion"] if against else []), "precision", "recall"]
    head += [*(["boundary IoU", "boundary F1"] if scores.boundary.iou else []), "of test", "of train"]
    order = sorted(scores.iou, key=lambda name: (math.isnan(scores.iou[name]), scores.iou[name]))
    rows = [_class_row(dossier, scores, name, against) for name in order]
    unit = scores.bootstrap.unit or "group"
    return (
        f'<p class="muted">Worst first. IoU is intersection over union, pixels pooled over the split; the interval is '
        f"what another test split of such {unit}s would have given. &ldquo;Not shown&rdquo;: the class is in too few "
        "of them. Shares are of labelled pixels. A dash: the class is in neither labels nor predictions. The mean is "
        "over the classes that a label has.</p>" + table(head, rows)
    )


def _class_row(dossier: Dossier, scores: Scores, name: str, against: Mapping[str, Interval]) -> list[str]:
    interval, unit = scores.metrics["mean_iou"].intervals.get(name), scores.bootstrap.unit or "unit"
    row = scores.classification_report[name]
    colours = dict(zip(dossier.classes.names, dossier.classes.colours, strict=True)) if dossier.classes else {}
    trained = dossier.fingerprint.class_pixels if dossier.fingerprint else {}
    cells = [f"{chip(colours.get(name, (128, 128, 128)))}{escape(name)}"]
    cells += [
        f"{meter(scores.iou[name], interval, kind='bar')}{number(scores.iou[name])}",
        span(interval, unit),
    ]
    cells += [change(against.get(name))] if against else []
    cells += [number(row.precision), number(row.recall)]
    if scores.boundary.iou:
        cells += [number(scores.boundary.iou.get(name, math.nan)), number(scores.boundary.f1.get(name, math.nan))]
    shares = (row.support / max(scores.num_pixels, 1), trained.get(name, math.nan) / max(sum(trained.values()), 1))
    return cells + [percent(share) for share in shares]


def confusion(dossier: Dossier) -> str:
    """The matrix and the most frequent mistakes."""
    if dossier.matrix is None or dossier.classes is None or len(dossier.matrix) != len(dossier.classes):
        return ""
    names, matrix = dossier.classes.names, dossier.matrix
    wrong, support = matrix.sum() - np.trace(matrix), matrix.sum(axis=1)
    rows = [
        (
            f"{escape(names[target])} &rarr; {escape(names[pred])}",
            percent(matrix[target, pred] / wrong),
            percent(matrix[target, pred] / support[target]),
        )
        for target, pred in mistakes(matrix)[:NUM_MISTAKES]
    ]
    listing = table(("label &rarr; prediction", "of wrong pixels", "of the label"), rows)
    listing = f"<h3>Most frequent mistakes</h3>{listing}" if rows else ""
    return (
        '<p class="muted">Percent of the pixels of each labelled class; the diagonal is right.</p>'
        f'<div class="beside"><div class="scroll">{confusion_chart(matrix, names)}</div><div>{listing}</div></div>'
    )


def calibration(dossier: Dossier) -> str:
    """The reliability diagram; nothing where no probability was counted."""
    if dossier.scores is None or math.isnan(dossier.scores.calibration.error):
        return ""
    found = dossier.scores.calibration
    total = max(sum(part.num_pixels for part in found.bins), 1)
    bins = [(part.confidence, part.accuracy, part.num_pixels / total) for part in found.bins]
    gap = sum((confidence - accuracy) * share for confidence, accuracy, share in bins if share)
    lean = "it is surer than it is right" if gap > 0 else "it is right more often than it claims"
    return (
        '<div class="two"><div><h3>Share of right pixels over the probability claimed</h3>'
        f"{reliability_chart('Reliability diagram', bins)}</div>"
        f"<div><h3>Expected calibration error {percent(found.error)}</h3><p>On the whole {lean}.</p>"
        '<p class="muted">On the dashed line a probability can be taken at its word; below it the model is too sure, '
        "above it not sure enough. Larger dots hold more pixels.</p></div></div>"
    )


def slices(dossier: Dossier) -> str:
    """A table for each kind of part, the worst first, and how the images spread."""
    if dossier.scores is None:
        return ""
    parts = sorted(dossier.scores.slices, key=lambda part: (list(KINDS).index(part.kind), _rank(part)))
    tables = "".join(
        _slice_table(kind, list(members), dossier.scores.mean_iou, dossier.scores.bootstrap.unit or "unit")
        for kind, members in groupby(parts, key=lambda part: part.kind)
    )
    shown = tables + _histogram(dossier)
    key = '<p class="muted">Dotted: the whole split.</p>' if tables and math.isfinite(dossier.scores.mean_iou) else ""
    return f'{key}<div class="two">{shown}</div>' if shown else ""


def _rank(part: Slice) -> float:
    return math.inf if math.isnan(part.mean_iou) else part.mean_iou


def _slice_table(kind: str, parts: list[Slice], whole: float, unit: str) -> str:
    more = f'<p class="muted">and {len(parts) - NUM_SLICES} better ones</p>' if len(parts) > NUM_SLICES else ""
    known = kind != "group" or any(part.interval.is_shown for part in parts)  # a group may be one unit by itself
    rows = [
        [
            escape(part.name) + _range(part),
            f"{meter(part.mean_iou, part.interval, whole, kind='bar')}{number(part.mean_iou)}",
            *([span(part.interval, unit)] if known else []),
            f"{part.num_images}",
        ]
        for part in parts[:NUM_SLICES]
    ]
    head = ("", "mean IoU", *(["interval"] if known else []), "images")
    return f"<div><h3>{KINDS[kind]}</h3>{table(head, rows)}{more}</div>"


def _range(part: Slice) -> str:
    return "" if math.isnan(part.low) else f" <small>{part.low:,.0f}&nbsp;to&nbsp;{part.high:,.0f}</small>"


def _histogram(dossier: Dossier) -> str:
    counts = [0] * NUM_BINS
    for row in dossier.images.values():
        if row.get("mean_iou"):
            counts[min(int(float(row["mean_iou"]) * NUM_BINS), NUM_BINS - 1)] += 1
    title = "Test images by their own mean IoU"
    return f"<div><h3>{title}</h3>{histogram_chart(title, counts)}</div>" if any(counts) else ""
