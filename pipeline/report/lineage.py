"""Training curves, data and lineage, and cost."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pipeline.dataset.contract import SPLITS
from pipeline.report.evidence import ModelEvidence
from pipeline.runtime.cost import Cost

ORIGIN = {
    "git_commit": "git commit",
    "data_md5": "data, MD5",
    "params_md5": "params.yaml, MD5",
    "dvc_lock_md5": "dvc.lock, MD5",
}
"""The tags of a version from which it can be reproduced."""
CURVES = {
    "Loss": {"train": "loss", "val": "val_loss"},
    "Scores on val, at the working size": {"mean IoU": "val_mean_iou", "pixel accuracy": "val_pixel_accuracy"},
    "Learning rate": {"learning rate": "learning_rate"},
}
"""Columns of the history by chart and label."""
Facts = list[tuple[str, str]]


class Curves(NamedTuple):
    """The N epochs of the training from 1, and N values of each curve by chart and label; nan is a gap.

    The best epoch has the highest mean IoU on val; None if no epoch was scored.
    """

    epochs: list[float]
    charts: dict[str, dict[str, list[float]]]
    best_epoch: float | None


def curves(history: Sequence[Mapping[str, float]]) -> Curves | None:
    """The curves over the epochs; None without a history."""
    if not history:
        return None
    known = {name for row in history for name in row}
    charts = {
        title: {label: _column(history, name) for label, name in columns.items() if name in known}
        for title, columns in CURVES.items()
    }
    scored = [row for row in history if math.isfinite(row.get("val_mean_iou", math.nan))]
    best = max(scored, key=lambda row: row["val_mean_iou"])["epoch"] if scored else None
    return Curves(_column(history, "epoch"), charts, best)


def _column(history: Sequence[Mapping[str, float]], name: str) -> list[float]:
    return [row.get(name, math.nan) for row in history]


def lineage(evidence: ModelEvidence) -> dict[str, Facts]:
    """Names and values by heading; a heading without values is left out."""
    tags = evidence.decision.tags if evidence.decision else {}
    parts = {
        "Origin": [(label, tags[name]) for name, label in ORIGIN.items() if name in tags],
        "Data": _data(evidence),
        "Model": _model(evidence),
        **{heading: [_as_text(*item) for item in record.items()] for heading, record in evidence.records.items()},
    }
    return {heading: facts for heading, facts in parts.items() if facts}


def _data(evidence: ModelEvidence) -> Facts:
    facts = [(f"split {split}", _count_split(evidence, split)) for split in SPLITS if evidence.rows]
    if evidence.classes:
        facts.append(("classes", f"{len(evidence.classes)}, ignore id {evidence.classes.ignore_id}"))
    if evidence.scores:
        scored = evidence.scores.evidence
        facts += [("manifest, MD5", scored.manifest_md5), ("test split, MD5", scored.test_md5)]
    return facts


def _count_split(evidence: ModelEvidence, split: str) -> str:
    members = [row for row in evidence.rows if row.split == split]
    num_groups = len({row.group for row in members})
    return f"{len(members)} images, {num_groups} group{'s' * (num_groups != 1)}"


def _model(evidence: ModelEvidence) -> Facts:
    facts = [("SavedModel, MD5", evidence.scores.evidence.model_md5)] if evidence.scores else []
    if evidence.card:
        size = " x ".join(map(str, evidence.card.size))
        facts += [
            ("working size", f"{size} px (height x width)"),
            ("cleaning of the mask", evidence.card.postprocess.words() or "none"),
        ]
        facts += [("prediction", "mean of the image's and its mirror image's")] if evidence.card.flip else []
    return facts


def _as_text(name: str, value: Any) -> tuple[str, str]:
    text = f"{value:g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
    return name.replace("_", " "), text


def cost_rows(evidence: ModelEvidence) -> list[tuple[Cost, float]]:
    """The stages whose cost is known, each with its speed in images/s; nan for a stage that reads no images."""
    num_trained = evidence.fingerprint.num_images.get("train", 0) if evidence.fingerprint else 0
    num_images = {
        "validate": len(evidence.rows),
        "preprocess": len(evidence.rows),
        "train": num_trained * len(evidence.history),
        "evaluate": evidence.scores.num_images if evidence.scores else 0,
    }
    return [(cost, _speed(num_images.get(cost.stage, 0), cost.seconds)) for cost in evidence.costs]


def _speed(num_images: int, seconds: float) -> float:
    return num_images / seconds if num_images and seconds > 0 else math.nan
