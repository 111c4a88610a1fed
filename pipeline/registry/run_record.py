"""The record of a run in the registry: params, scores, history and files."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.disk.records import read_cells, read_record
from pipeline.errors import EvidenceError
from pipeline.evaluation.scores import Scores

HISTORY = Path("work/train/history.csv")
SUMMARY = Path("work/train/summary.json")
MAX_PARAM_CHARS = 6000  # of MLflow; `params.yaml` itself is kept whole
MAX_NAME_CHARS = 250
MAX_EPOCH = 2**31
MAX_SHOWN = 300  # characters of what is wrong in a message


@dataclass(frozen=True)
class RunRecord:
    """The content of an MLflow run, without the model.

    Attributes:
        tags: of the run.
        params: flat, name to text.
        metrics: finite scores by name.
        history: a row for each epoch, with a column `epoch`.
        files: a file or folder, and its folder in the run.
        texts: content of further files by path in the run.
        data_path: of the data set.
        data_md5: DVC's MD5 of the data set.
    """

    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    history: tuple[Mapping[str, float], ...]
    files: tuple[tuple[Path, str], ...]
    texts: Mapping[str, str]
    data_path: str
    data_md5: str


@dataclass(frozen=True)
class Training:
    """A training's summary.

    Attributes:
        precision: of the numbers that it computed with, such as "float32".
        machines: the kinds of machine that it ran on.
    """

    precision: str
    machines: list[dict[str, str]]


def flatten_params(content: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """The leaves of nested params, such as `train.unet.width`, as text; an empty table is a leaf."""
    flat: dict[str, str] = {}
    for name, value in content.items():
        path = f"{prefix}{name}"
        if isinstance(value, Mapping) and value:
            flat |= flatten_params(value, f"{path}.")
        else:
            flat[clean_name(path)] = (value if isinstance(value, str) else json.dumps(value))[:MAX_PARAM_CHARS]
    return flat


def read_training(path: Path = SUMMARY) -> Training:
    """The part of a training's summary that goes into the record.

    Raises:
        EvidenceError: the summary is missing or lacks precision or machines.
    """
    return read_record(path, Training, "the stage `train`")


def flatten_scores(scores: Scores) -> dict[str, float]:
    """The scores by name, such as `iou/car`, without nan."""
    flat = {
        "mean_iou": scores.mean_iou,
        "pixel_accuracy": scores.pixel_accuracy,
        "frequency_weighted_iou": scores.frequency_weighted_iou,
        "floor/mean_iou": scores.floor.mean_iou,
        "floor/pixel_accuracy": scores.floor.pixel_accuracy,
        "mean_iou_low": scores.intervals.mean_iou.low,
        "mean_iou_high": scores.intervals.mean_iou.high,
        "boundary/mean_iou": scores.boundary.mean_iou,
        "boundary/mean_f1": scores.boundary.mean_f1,
        "calibration_error": scores.calibration.error,
    }
    for name, iou in scores.iou.items():
        flat[f"iou/{clean_name(name)}"] = iou
    for name, row in scores.classification_report.items():
        place = clean_name(name)
        flat |= {f"precision/{place}": row.precision, f"recall/{place}": row.recall, f"f1/{place}": row.f1}
    return {name: value for name, value in flat.items() if math.isfinite(value)}


def read_history(path: Path = HISTORY) -> tuple[dict[str, float], ...]:
    """The rows of the training's history, without empty cells.

    Raises:
        EvidenceError: the file is missing, a cell is not a number, or an epoch is not a whole number from 1.
    """
    return tuple(_parse_epoch(cells, f"{path}: line {line}") for line, cells in read_cells(path, "train"))


def _parse_epoch(cells: Mapping[str, str], where: str) -> dict[str, float]:
    try:
        row = {name: float(value) for name, value in cells.items() if value}
    except ValueError as err:
        raise EvidenceError(
            f"{where}: expected numbers only ({str(err)[:MAX_SHOWN]}); run the stage `train` again"
        ) from err
    epoch = row.get("epoch", math.nan)
    if not 1 <= epoch <= MAX_EPOCH or epoch != round(epoch):
        raise EvidenceError(f"{where}: epoch is {epoch:g}, expected a whole number from 1; run the stage `train` again")
    return row


def clean_name(name: str) -> str:
    """A name that MLflow accepts: letters, digits, spaces, dots, dashes; any other character becomes an underscore."""
    return re.sub(r"[^\w .-]", "_", name)[:MAX_NAME_CHARS]
