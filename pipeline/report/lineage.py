"""How the model came about: the training's curves, data and lineage, and what it cost."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from pipeline.dataset.contract import SPLITS
from pipeline.report.evidence import Dossier
from pipeline.report.page import facts, table
from pipeline.runtime.cost import Cost
from pipeline.runtime.progress import duration
from pipeline.vision.charts import line_chart

ORIGIN = {
    "git_commit": "git commit",
    "data_md5": "data, MD5",
    "params_md5": "params.yaml, MD5",
    "dvc_lock_md5": "dvc.lock, MD5",
}
"""The tags of a version from which it can be made again."""


def curves(dossier: Dossier) -> str:
    """Loss, scores on val and learning rate over the epochs; nothing where the model was not trained here."""
    history = dossier.history
    if not history:
        return ""
    names = dict.fromkeys(name for row in history for name in row)
    columns = {name: [row.get(name, math.nan) for row in history] for name in names}
    best = _best_epoch(history)
    groups = {
        "Loss": {"train": "loss", "val": "val_loss"},
        "Scores on val, at the working size": {"mean IoU": "val_mean_iou", "pixel accuracy": "val_pixel_accuracy"},
        "Learning rate": {"learning rate": "learning_rate"},
    }
    charts = ""
    for title, wanted in groups.items():
        series = {name: columns[column] for name, column in wanted.items() if column in columns}
        if chart := line_chart(title, columns["epoch"], series, best):
            charts += f"<div><h3>{title}</h3>{chart}</div>"
    note = "" if best is None else f'<p class="muted">The weights are those of epoch {best:g}, the dashed line.</p>'
    return f'{note}<div class="charts">{charts}</div>'


def _best_epoch(history: Sequence[Mapping[str, float]]) -> float | None:
    scored = [row for row in history if math.isfinite(row.get("val_mean_iou", math.nan))]
    return max(scored, key=lambda row: row["val_mean_iou"])["epoch"] if scored else None


def lineage(dossier: Dossier) -> str:
    """What was scored, with the names that its bytes have."""
    parts = {"Origin": _origin(dossier), "Data": _data(dossier), "Model": _model(dossier)}
    parts |= {heading: list(map(_told, record.items())) for heading, record in dossier.records.items()}
    return "".join(f"<h3>{heading}</h3>{facts(rows)}" for heading, rows in parts.items() if rows)


def _origin(dossier: Dossier) -> list[tuple[str, str]]:
    tags = dossier.decision.tags if dossier.decision else {}
    return [(told, tags[name]) for name, told in ORIGIN.items() if name in tags]


def _data(dossier: Dossier) -> list[tuple[str, str]]:
    rows = [(f"split {split}", _count_split(dossier, split)) for split in SPLITS if dossier.rows]
    if dossier.classes:
        rows.append(("classes", f"{len(dossier.classes)}, ignore id {dossier.classes.ignore_id}"))
    if dossier.scores:
        evidence = dossier.scores.evidence
        rows += [("manifest, MD5", evidence.manifest_md5), ("test split, MD5", evidence.test_md5)]
    return rows


def _count_split(dossier: Dossier, split: str) -> str:
    members = [row for row in dossier.rows if row.split == split]
    num_groups = len({row.group for row in members})
    return f"{len(members)} images, {num_groups} group{'s' * (num_groups != 1)}"


def _model(dossier: Dossier) -> list[tuple[str, str]]:
    rows = [("SavedModel, MD5", dossier.scores.evidence.model_md5)] if dossier.scores else []
    if dossier.card:
        cleaning = ", ".join(f"{name} {value}" for name, value in vars(dossier.card.postprocess).items() if value)
        size = " x ".join(map(str, dossier.card.size))
        rows += [("working size", f"{size} px (height x width)"), ("cleaning of the mask", cleaning or "none")]
    return rows


def _told(item: tuple[str, Any]) -> tuple[str, str]:
    name, value = item
    text = f"{value:g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
    return name.replace("_", " "), text


def cost(dossier: Dossier) -> str:
    """Time, speed and memory of each stage, where they are known."""
    rows = [
        (escape(item.stage), duration(item.seconds), _speed(dossier, item), f"{item.peak_mb:,.0f} MB")
        for item in dossier.costs
    ]
    note = '<p class="muted">Each stage from start to end, with loading; memory is the most that its process held.</p>'
    return note + table(("stage", "time", "images/s", "memory"), rows) if rows else ""


def _speed(dossier: Dossier, item: Cost) -> str:
    """Images over seconds of a stage that goes through images."""
    trained = dossier.fingerprint.num_images.get("train", 0) if dossier.fingerprint else 0
    num_images = {
        "validate": len(dossier.rows),
        "preprocess": len(dossier.rows),
        "train": trained * len(dossier.history),
        "evaluate": dossier.scores.num_images if dossier.scores else 0,
    }.get(item.stage, 0)
    return f"{num_images / item.seconds:,.1f}" if num_images and item.seconds > 0 else "&ndash;"
