"""Reads the files of the stages for the report. A damaged file is named on the page and does not stop it."""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from pipeline.dataset.contract import ClassList
from pipeline.dataset.fingerprint import Fingerprint
from pipeline.dataset.manifest import ManifestRow, read_manifest
from pipeline.disk.files import md5_of, read_json
from pipeline.disk.records import MAX_NUMBER, read_cells
from pipeline.errors import EvidenceError, SeglineError
from pipeline.evaluation.bootstrap import Interval
from pipeline.evaluation.image_table import MAX_SHOWN
from pipeline.evaluation.label_errors import Suspect, read_suspects
from pipeline.evaluation.overlays import Overlay, list_overlays
from pipeline.evaluation.scores import Scores
from pipeline.evaluation.verdict import Verdict
from pipeline.registry.run_record import read_history
from pipeline.runtime.cost import Cost, read_costs
from pipeline.serving.model_card import CARD, ModelCard

DAMAGED = (SeglineError, OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, csv.Error)
"""Errors of reading a file that its stage did not write so."""
IMAGE_COLUMNS = ("name", "group", "width", "mean_iou", "pixel_accuracy")
Content = TypeVar("Content")


class DataSince(NamedTuple):
    """The data of a model compared with those of the champion before it.

    Attributes:
        samples: numbers of changed samples in train, val and test, by what changed.
        moves: a sentence for groups that moved between splits.
        class_shares: of the training pixels before and now, by class; None: the class was or is not there.
    """

    samples: Mapping[str, tuple[int, ...]]
    moves: tuple[str, ...]
    class_shares: Mapping[str, tuple[float | None, float | None]]


@dataclass(frozen=True)
class Decision:
    """The decision on a model after the gate.

    Attributes:
        promoted: the model became the champion; None if there was nothing to decide.
        label: the decision in a word or two.
        headline: the decision in a line, such as "segline/7 became the champion".
        reasons: a sentence each.
        champion: the version that the model was compared with, such as "segline/6"; None without one.
        difference: mean IoU of the model minus that of the champion; None without a comparison.
        by_class: the difference of each class's IoU, by class name.
        tags: tags of the model's version; its lineage is among them.
        data: what changed since the champion's data; None: nothing to compare.
        confidence: of each end of `difference`.
        better_share: share of the bootstrap's resamples in which the model is better than the champion.
        is_weighted: `difference` is of the weighted mean IoU.
        overrides: a sentence for each promotion against the rule so far.
    """

    promoted: bool | None
    label: str
    headline: str
    reasons: tuple[str, ...]
    champion: str | None
    difference: Interval | None
    by_class: Mapping[str, Interval]
    tags: Mapping[str, str]
    data: DataSince | None = None
    confidence: float | None = None
    better_share: float | None = None
    is_weighted: bool = False
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True)
class ModelEvidence:
    """All that is known of a model; a field is None or empty if its file is missing or damaged.

    Attributes:
        decision: after the gate.
        verdict: of the gate, on these scores.
        verdict_md5: MD5 of the verdict's file, also if the verdict is on other scores; "" without one.
        scores: on the test split.
        classes: of the data set.
        matrix: (K, K) int64 pooled counts, rows are targets.
        fingerprint: of the training data.
        images: `IMAGE_COLUMNS` of per_image.csv by sample name.
        suspects: suspected label errors by sample name, largest first.
        pictures: overlays, in order of rank.
        history: a row for each epoch.
        rows: of the manifest.
        card: of the exported model.
        records: plain values that stages wrote, by heading.
        costs: of the stages that made this model.
        problems: a sentence for each file that could not be read.
    """

    decision: Decision | None
    verdict: Verdict | None
    verdict_md5: str
    scores: Scores | None
    classes: ClassList | None
    matrix: np.ndarray | None
    fingerprint: Fingerprint | None
    images: Mapping[str, Mapping[str, str]]
    suspects: Mapping[str, Sequence[Suspect]]
    pictures: Sequence[Overlay]
    history: Sequence[Mapping[str, float]]
    rows: Sequence[ManifestRow]
    card: ModelCard | None
    records: Mapping[str, Mapping[str, Any]]
    costs: Sequence[Cost]
    problems: Sequence[str]


def read_evidence(work: Path, decision: Decision | None, costs: Sequence[Cost] | None = None) -> ModelEvidence:
    """Reads the files of the stages in `work`, and if `costs` is None the costs of this machine; raises nothing."""
    problems: list[str] = []
    evaluate = work / "evaluate"

    def get(path: Path, read: Callable[[Path], Content], otherwise: Content) -> Content:
        """Reads a file that may be missing or damaged."""
        try:
            return read(path) if path.exists() else otherwise
        except DAMAGED as err:
            text = str(err) or type(err).__name__
            problems.append(text if text.startswith(str(path)) else f"{path}: {text}")
            return otherwise

    fingerprint = get(work / "preprocess/fingerprint.json", Fingerprint.read, None)
    card = get(work / "export/model" / CARD, ModelCard.read_file, None)
    verdict = get(work / "gate/verdict.json", Verdict.read, None)
    scores = get(evaluate / "scores.json", Scores.read, None)
    if verdict and scores and verdict.scores_md5 != md5_of(evaluate / "scores.json"):
        problems.append(f"{work / 'gate/verdict.json'}: is of other scores than {evaluate / 'scores.json'}")
        verdict = None
    return ModelEvidence(
        decision=decision,
        verdict=verdict,
        verdict_md5=get(work / "gate/verdict.json", md5_of, ""),
        scores=scores,
        classes=fingerprint.classes if fingerprint else card.classes if card else None,
        matrix=get(evaluate / "confusion.csv", read_matrix, None),
        fingerprint=fingerprint,
        images=get(evaluate / "per_image.csv", _read_images, {}),
        suspects=get(evaluate / "suspects.csv", _read_suspects, {}),
        pictures=get(evaluate / "overlays", list_overlays, []),
        history=get(work / "train/history.csv", read_history, ()),
        rows=get(work / "validate/manifest.csv", read_manifest, []),
        card=card,
        records={
            "Training": get(work / "train/summary.json", _read_record, {}),
            "Export": get(work / "export/parity.json", _read_record, {}),
        },
        costs=get(work, read_costs, []) if costs is None else costs,
        problems=problems,
    )


def read_matrix(path: Path) -> np.ndarray:
    """(K, K) int64 counts of confusion.csv, rows are targets.

    Raises:
        EvidenceError: the file is missing or damaged.
    """
    try:
        matrix = np.array([list(cells.values())[1:] for _, cells in read_cells(path, "evaluate")], np.int64)
        if matrix.ndim != 2 or len(matrix) != matrix.shape[1]:
            raise ValueError(f"the table is {matrix.shape}, expected as many rows as columns")
        if matrix.size and not 0 <= matrix.min() <= matrix.max() <= MAX_NUMBER // matrix.size:
            raise ValueError("a count is negative or too large")
    except (ValueError, OverflowError) as err:
        raise EvidenceError(f"{path}: is damaged ({str(err)[:MAX_SHOWN]}); run the stage `evaluate` again") from err
    return matrix


def _read_images(path: Path) -> dict[str, dict[str, str]]:
    """Reads only `IMAGE_COLUMNS`, row by row: with many classes the other columns fill the memory."""
    with path.open(newline="", encoding="utf-8") as file:
        lines = csv.reader(file)
        header = next(lines, [])
        places = {column: header.index(column) for column in IMAGE_COLUMNS}
        rows = ({column: cells[place] for column, place in places.items()} for cells in lines)
        return {row["name"]: row for row in rows}


def _read_suspects(path: Path) -> dict[str, list[Suspect]]:
    by_name: dict[str, list[Suspect]] = {}
    for suspect in read_suspects(path):
        by_name.setdefault(suspect.name, []).append(suspect)
    return by_name


def _read_record(path: Path) -> dict[str, Any]:
    content = read_json(path, f"the stage `{path.parent.name}`")
    return {name: value for name, value in content.items() if isinstance(value, str | int | float)}
