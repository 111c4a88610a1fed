"""The record of a run in the registry: params, scores, history and files."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.dataset.names import clean_name
from pipeline.disk.records import read_cells, read_record
from pipeline.errors import EvidenceError
from pipeline.evaluation.scores import Scores

HISTORY = Path("work/train/history.csv")
SUMMARY = Path("work/train/summary.json")
MAX_PARAM_CHARS = 6000  # of MLflow; `params.yaml` itself is kept whole
MAX_EPOCH = 2**31
MAX_SHOWN = 300  # characters of what is wrong in a message


@dataclass(frozen=True)
class RunRecord:
    """The content of an MLflow run, without the model.

    Attributes:
        params: flat, name to text.
        metrics: finite scores by name.
        history: a row for each epoch, with a column `epoch`.
        files: a file or folder, and its folder in the run.
        texts: content of further files by path in the run.
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
class StoredRun:
    """A run as MLflow has it now, without its files.

    Attributes:
        tags: of the run.
        params: by name.
        metrics: the last value by name.
        data_set: what the run says of its data set: the tags of the registration, `dvc.md5` and `digest`; empty if
            there is none, or if it cannot be read.
    """

    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    data_set: Mapping[str, str]


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
    """The leaves of nested params, such as `train.network.width`, as text; an empty table is a leaf."""
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
    """Every number of the scores by name, such as `iou/car`; slices and nan are left out."""
    slices = {f"mean_iou/{part.key}" for part in scores.slices}
    numbers = {name: number for name, number in scores.numbers().items() if name not in slices}
    flat = {"baseline/mean_iou": scores.baseline.mean_iou, "baseline/pixel_accuracy": scores.baseline.pixel_accuracy}
    interval = scores.metrics["mean_iou"].interval
    flat |= {"mean_iou_low": interval.low, "mean_iou_high": interval.high}
    for name, number in numbers.items():
        metric, slash, class_name = name.partition("/")
        flat[f"{metric}{slash}{clean_name(class_name)}"] = number.value
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
