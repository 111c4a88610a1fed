"""Cross-validation: each sample of train and val is scored by a network that did not learn from its fold.

Nothing of the project changes but `work/crossval/`. Each fold is a small project of its own under `.segline/crossval/`,
with a manifest in which the samples to score stand as `test`, and runs the stages `preprocess` to `evaluate` as they
are. The test split is in none of these manifests. A fold that has finished is kept, and so is its network.

A fold trains one network, whatever `train.num_networks` is. The best epoch of a fold is chosen on groups that are held
out of its training groups, never on those to score. The other way, the weights of the last epoch, would score another
recipe than that of `segline run`, which chooses its epoch and stops early by val. The price is that a fold learns from
less than (K - 1) / K of the images.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.dataset.contract import DATA, read_class_list
from pipeline.dataset.fingerprint import FINGERPRINT
from pipeline.dataset.manifest import MANIFEST, ManifestRow, read_manifest, write_manifest
from pipeline.dataset.names import clean_name
from pipeline.disk.files import read_json, read_yaml, remove, written_whole
from pipeline.disk.records import Measure, write_record
from pipeline.errors import ParamsError, StageError
from pipeline.evaluation.bootstrap import Interval, Unit, class_intervals, mean_iou_interval
from pipeline.evaluation.image_table import PER_IMAGE, ImageTable
from pipeline.evaluation.wording import few_units
from pipeline.params import read_params
from pipeline.registry.client import check_registry
from pipeline.registry.lineage import read_data_version
from pipeline.registry.run_record import HISTORY, SUMMARY, RunRecord, flatten_params, read_history
from pipeline.registry.runs import create_run, end_run, reopened
from pipeline.runtime.stages import MARKER, PARAMS, RESTORE, WORK, code_of
from pipeline.serving.model_card import MODEL, ModelCard
from pipeline.text import shown
from pipeline.training.precision import STEP_TIMES
from pipeline.trials.folds import choose_unit, join, split_by_folds
from pipeline.trials.params_change import with_values
from pipeline.trials.project import CROSSVAL, finish_stages, prepare
from pipeline.vision.confusion import mean_iou

MIN_FOLDS, MAX_FOLDS = 2, 20
STAGES = ("preprocess", "train", "export", "evaluate")
SECTIONS = ("preprocess", "train", "export")
"""Params that the counts of a fold depend on."""
OUT = Path("work/crossval")
NETWORKS = Path("work/train/networks")
NETWORK = NETWORKS / "01"
KEPT = (PER_IMAGE, HISTORY, SUMMARY, FINGERPRINT, NETWORK / "network.json", NETWORK / "model.weights.h5")
"""Files of a fold's project that stay when the fold has finished."""
RUN = "run_id"
TO_GO_ON = "run the same command again, finished folds are kept"


@dataclass(frozen=True)
class FoldScore:
    """The score of a fold's network on the fold: number from 1, its size, mean IoU at full size, and the best epoch."""

    fold: int
    num_images: int
    num_groups: int
    mean_iou: Measure
    best_epoch: int


@dataclass(frozen=True)
class WrittenEnsemble:
    """The SavedModel of all folds' networks: its place, the MD5s of the weights, and how it passed parity."""

    folder: str
    weights_md5: tuple[str, ...]
    disagreeing_share: float
    probability_difference: float


@dataclass(frozen=True)
class CrossValidation:
    """The result.

    Attributes:
        unit: "group", or "image" if images were put into folds.
        mean_iou: of the pooled pixels of all folds, with an interval by `evaluate.bootstrap`.
        iou: the same by class.
        folds: in order.
        ensemble: None if none was written.
    """

    unit: Unit
    mean_iou: Interval
    iou: dict[str, Interval]
    folds: tuple[FoldScore, ...]
    ensemble: WrittenEnsemble | None


@dataclass(frozen=True)
class Plan:
    """What all folds have in common: params.yaml as it was read first, and the manifest of each fold."""

    content: dict[str, Any]
    unit: Unit
    manifests: list[list[ManifestRow]]
    identity: str

    @property
    def folder(self) -> Path:
        """Of the cross-validation."""
        return CROSSVAL / self.identity

    @property
    def kept(self) -> list[Path]:
        """The folder of each finished fold."""
        return [self.folder / f"fold-{number:02}" for number in range(1, len(self.manifests) + 1)]


def crossval(num_folds: int, export: Path | None) -> CrossValidation:
    """Trains and scores the folds, and writes `OUT` and, if named, the ensemble; see `segline.crossval`."""
    if not MIN_FOLDS <= num_folds <= MAX_FOLDS:
        raise ParamsError(f"--folds is {num_folds}, expected {MIN_FOLDS} to {MAX_FOLDS}")
    if export and export.exists():
        raise ParamsError(f"--export is {export}, which exists; name a new folder, or remove it")
    check_registry()
    plan = read_plan(num_folds)
    remove(OUT)  # its scores may be those of other data
    plan.folder.mkdir(parents=True, exist_ok=True)
    run_id = keep_run(plan.folder / RUN, {"mlflow.runName": "crossval"})
    with reopened(run_id, make_record(plan), TO_GO_ON):
        for number in range(1, num_folds + 1):
            run_fold(plan, number, run_id)
        result = conclude(plan, export_ensemble(plan, export) if export else None)
        write_record(OUT / MARKER, result)
    end_run(run_id, record_of_all(plan, result), "FINISHED", TO_GO_ON)
    return result


def read_plan(num_folds: int) -> Plan:
    """Reads params and manifest, and makes the folds.

    Raises:
        EvidenceError: there is no manifest.
        ParamsError: there are too few groups.
    """
    params, rows = read_params(), [row for row in read_manifest() if row.split in ("train", "val")]
    unit = choose_unit(rows, num_folds, params.evaluate.bootstrap.unit)
    if unit == "image":
        print("crossval: groups are fewer than folds, so images are put into folds (evaluate.bootstrap.unit: image)")
    manifests = split_by_folds(rows, num_folds, unit, params.train.seed)
    content = with_values(read_yaml(PARAMS, ParamsError, RESTORE), {"train.num_networks": 1})
    return Plan(content, unit, manifests, identify(manifests))


def identify(manifests: list[list[ManifestRow]]) -> str:
    """A digest of all that the folds' scores depend on: params, samples, folds, and the code of the stages."""
    params = read_params()
    identity = {
        "params": {name: getattr(params, name).model_dump(mode="json") for name in SECTIONS},
        "backend": os.environ.get("KERAS_BACKEND", ""),
        "folds": [[list(map(str, astuple(row))) for row in rows] for rows in manifests],
        "classes": read_class_list().to_dict(),
        "code": {stage: code_of(stage) for stage in STAGES},
    }
    return hashlib.md5(json.dumps(identity, sort_keys=True).encode(), usedforsecurity=False).hexdigest()


def run_fold(plan: Plan, number: int, parent: str) -> None:
    """Trains and scores one fold, stores it in MLflow, and keeps what is needed of it; done once.

    Raises:
        StageError: a stage failed, or params, data or code changed meanwhile.
    """
    kept, project = plan.kept[number - 1], plan.folder / f"project-{number}"
    if not kept.exists():
        write_manifest(project / MANIFEST, plan.manifests[number - 1])
        prepare(project, plan.content, (DATA, STEP_TIMES))
        finish_stages(project, STAGES, f"crossval {number}/{len(plan.kept)}: ")
        if identify(plan.manifests) != plan.identity:
            raise StageError(f"params, data or code changed during the cross-validation: {TO_GO_ON} if they fit")
        with written_whole(kept) as part:
            part.mkdir()
            for file in KEPT:
                shutil.copy(project / file, part)
            run_id = keep_run(project / RUN, {"mlflow.runName": f"fold-{number}", "mlflow.parentRunId": parent})
            end_run(run_id, record_of_fold(plan, number, part), "FINISHED", TO_GO_ON)
    remove(project)  # a kill may have left it


def keep_run(file: Path, tags: Mapping[str, str]) -> str:
    """The MLflow run that a file names; both are made if they are missing."""
    if not file.exists():
        with written_whole(file) as part:
            part.write_text(create_run(tags))
    return file.read_text()


def score_of(folder: Path, number: int) -> FoldScore:
    """The score of a fold whose files are in a folder."""
    table = ImageTable.read(folder / PER_IMAGE.name)
    best_epoch = int(read_json(folder / SUMMARY.name, "the stage `train`")["best_epoch"])
    return FoldScore(number, len(table), len(set(table.groups)), mean_iou(table.pooled()), best_epoch)


def conclude(plan: Plan, ensemble: WrittenEnsemble | None) -> CrossValidation:
    """Pools the counts of the folds and writes those of each image."""
    table = join([ImageTable.read(kept / PER_IMAGE.name) for kept in plan.kept])
    table.write(OUT / PER_IMAGE.name)
    bootstrap = read_params().evaluate.bootstrap.model_dump()
    folds = tuple(score_of(kept, number) for number, kept in enumerate(plan.kept, 1))
    interval, by_class = mean_iou_interval(table, **bootstrap), class_intervals(table, **bootstrap)
    return CrossValidation(plan.unit, interval, by_class, folds, ensemble)


def export_ensemble(plan: Plan, out: Path) -> WrittenEnsemble:
    """Runs the stage `export` on the networks of all folds and puts the SavedModel at `out`.

    Raises:
        StageError: the stage failed, such as by parity.
    """
    project = plan.folder / "ensemble"
    remove(project)  # a kill may have left it
    prepare(project, plan.content, (DATA, MANIFEST.parent, STEP_TIMES))
    (project / FINGERPRINT).parent.mkdir()
    shutil.copy(plan.kept[0] / FINGERPRINT.name, project / FINGERPRINT)  # of it only classes and size are read
    (project / NETWORKS).mkdir(parents=True)
    for kept in plan.kept:
        (project / NETWORKS / kept.name).symlink_to(kept.resolve(), target_is_directory=True)
    finish_stages(project, ("export",), "crossval: ")
    summary = read_json(project / WORK / "export" / MARKER, "the stage `export`")
    with written_whole(out) as part:
        shutil.copytree(project / MODEL, part)
    remove(project)
    parity = summary["disagreeing_share"], summary["probability_difference"]
    return WrittenEnsemble(str(out), ModelCard.read(out).weights_md5, *parity)


def record_of_fold(plan: Plan, number: int, folder: Path) -> RunRecord:
    """The content of a fold's MLflow run."""
    score = score_of(folder, number)
    metrics = {"mean_iou": score.mean_iou, "num_images": score.num_images, "best_epoch": score.best_epoch}
    return make_record(plan, metrics, read_history(folder / HISTORY.name))


def record_of_all(plan: Plan, result: CrossValidation) -> RunRecord:
    """The content of the cross-validation's MLflow run."""
    whole = result.mean_iou
    metrics = {"mean_iou": whole.estimate, "mean_iou_low": whole.low, "mean_iou_high": whole.high}
    metrics |= {f"iou/{clean_name(name)}": interval.estimate for name, interval in result.iou.items()}
    text = (OUT / MARKER).read_text(encoding="utf-8")
    return make_record(plan, metrics | {"num_folds": len(result.folds)}, texts={"crossval.json": text})


def make_record(
    plan: Plan,
    metrics: Mapping[str, float] | None = None,
    history: tuple[Mapping[str, float], ...] = (),
    texts: Mapping[str, str] | None = None,
) -> RunRecord:
    """A record with params, data set and the cross-validation's identity."""
    path, md5 = read_data_version()
    tags = {"segline.crossval": plan.identity}
    params = {name: plan.content[name] for name in SECTIONS}  # of a run they cannot change
    return RunRecord(tags, flatten_params(params), metrics or {}, history, (), texts or {}, path, md5)


def show(result: CrossValidation) -> None:
    """Prints the scores of folds and classes, and those of all folds together."""
    for table in build_tables(result):
        Console().print(table)
    unit = read_params().evaluate.bootstrap.unit
    print(f"mean IoU out of fold {describe(result.mean_iou)}{few_units(result.mean_iou, unit)}")
    print(f"everything is in {OUT / MARKER}, the counts of each image in {OUT / PER_IMAGE.name}")
    if result.ensemble:
        print(f"ensemble of {len(result.folds)} networks in {result.ensemble.folder}; `segline predict` takes it")


def build_tables(result: CrossValidation) -> tuple[Table, Table]:
    """A row for each fold, and a row for each class."""
    folds = Table("fold", "images", "groups", "best epoch", "mean IoU", box=None)
    for fold in result.folds:
        cells = (fold.fold, fold.num_images, fold.num_groups, fold.best_epoch, f"{fold.mean_iou:.4f}")
        folds.add_row(*map(str, cells))
    classes = Table("class", "IoU", box=None)
    for name, interval in result.iou.items():
        classes.add_row(Text(shown(name)), describe(interval))
    return folds, classes


def describe(interval: Interval) -> str:
    """An estimate with its interval, if it has one."""
    ends = f" ({interval.low:.4f} to {interval.high:.4f})" if interval.is_shown else " (too few units for an interval)"
    return f"{interval.estimate:.4f}{ends}"
