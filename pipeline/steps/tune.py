"""Searches params of the training: trials in projects of their own, scored on val, kept in a study, shown in MLflow.

Nothing of the project changes but the file with the proposed params. A trial that was stopped goes on after its last
checkpoint; its end is stored in MLflow first and in the study last, so that a kill between both does it once more.
"""

import hashlib
import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.dataset.contract import read_class_list
from pipeline.dataset.fingerprint import Fingerprint
from pipeline.dataset.manifest import read_manifest
from pipeline.disk.files import read_yaml, written_whole
from pipeline.disk.records import read_record
from pipeline.errors import EvidenceError, ParamsError, StageError
from pipeline.evaluation.bootstrap import Interval
from pipeline.monitoring.lines import LINES, PANEL, PREFIX
from pipeline.params import parse_params, read_params
from pipeline.params_fit import check_fit
from pipeline.registry.client import check_registry
from pipeline.registry.lineage import read_data_version
from pipeline.registry.run_record import HISTORY, RunRecord, flatten_params, read_history
from pipeline.registry.runs import create_run, end_run, log_epoch, reopened
from pipeline.runtime.stages import MARKER, PARAMS, RESTORE, WORK, code_of
from pipeline.text import shown
from pipeline.trials.params_change import difference, flatten, propose, with_values
from pipeline.trials.project import TUNE, prepare, read_arrays, run_step
from pipeline.trials.ranges import Range, read_ranges
from pipeline.trials.study import (
    FAILED,
    FINISHED,
    PRUNED,
    RUNNING,
    OpenTrial,
    Outcome,
    Study,
    TrialRow,
    is_shared,
    opened_study,
)

VAL_SCORE = Path("work/score_val/interval.json")
MAX_FAILED = 3
"""Trials that fail in a row, after which the search stops: the fault is hardly one of the values."""
RUN_STATES = {FINISHED: "FINISHED", PRUNED: "KILLED", FAILED: "FAILED"}
TO_GO_ON = "run the same command again, finished trials are kept"
Row = Mapping[str, float]
"""Metrics of an epoch."""


@dataclass(frozen=True)
class Tuning:
    """The result of a search.

    Attributes:
        trials: the best first, then those that are not finished.
        best: values of the best trial by the name of the param.
        today: those of params.yaml.
        out: file with the proposed params.
        difference: unified diff from params.yaml to it; "" if the best trial is that of today's values.
    """

    trials: tuple[TrialRow, ...]
    best: Mapping[str, Any]
    today: Mapping[str, Any]
    out: Path
    difference: str


class BehindError(Exception):
    """A trial is pruned."""


@dataclass(frozen=True)
class Search:
    """What all trials have in common: the file of ranges, params.yaml as it was read first, ranges and the identity."""

    file: Path
    text: str
    content: dict[str, Any]
    ranges: Mapping[str, Range]
    identity: str

    @property
    def folder(self) -> Path:
        """Of the study."""
        return TUNE / self.identity

    @property
    def today(self) -> dict[str, Any]:
        """The values of params.yaml."""
        return {name: value for name, value in flatten(self.content).items() if name in self.ranges}


def tune(ranges: Path, num_trials: int, out: Path) -> Tuning:
    """Runs trials until the study has `num_trials`, and writes the proposed params to `out`; see `segline.tune`."""
    if num_trials < 1:
        raise ParamsError(f"--trials is {num_trials}, expected 1 or more")
    if out.resolve() == PARAMS.resolve():
        raise ParamsError(f"--out is {PARAMS}; name another file, the change is yours to review")
    search = read_search(ranges)
    check_registry()
    train = read_params().train
    with opened_study(search.folder, search.ranges, train.seed, math.ceil(train.warmup_epochs)) as study:
        study.put_first(search.today)
        run_id = study.run_id or create_run({"mlflow.runName": "tune"})
        study.keep_run(run_id)
        with reopened(run_id, make_record(search, {}), TO_GO_ON):
            run_trials(study, search, num_trials, run_id)
        tuning = conclude(study.rows(), search, out)
        end_run(run_id, record_of_search(tuning, search), "FINISHED", TO_GO_ON)
    return tuning


def read_search(file: Path) -> Search:
    """Reads ranges and params, and checks that every end of a range is valid.

    Raises:
        ParamsError: a range does not fit; names file, param and value.
        EvidenceError: the packed arrays are missing or of another size.
    """
    params, text = read_params(), PARAMS.read_bytes().decode("utf-8-sig")
    content = read_yaml(PARAMS, ParamsError, RESTORE)
    ranges = read_ranges(file, flatten(params.model_dump(mode="json", by_alias=True)))
    for name, value in ((name, value) for name, range_ in ranges.items() for value in range_.ends):
        if problem := find_problem(with_values(content, {name: value})):
            raise ParamsError(f"{file}: `{name}` cannot be {value}, since {problem}; change the range")
    read_arrays().check_size(params.preprocess.image_size)
    return Search(file, text, content, ranges, identify(content, ranges))


def find_problem(content: Mapping[str, Any]) -> str:
    """Why these are no params of this data set; "" if they are."""
    try:
        check_fit(parse_params(content), read_class_list())
    except ParamsError as err:
        return str(err)
    return ""


def identify(content: Mapping[str, Any], ranges: Mapping[str, Range]) -> str:
    """A digest of all that the trials have in common: data, code, ranges, and the params that are not searched."""
    train = flatten({"train": parse_params(content).train.model_dump(mode="json")})
    identity = {
        "train": {name: value for name, value in train.items() if name not in ranges},
        "ranges": {name: range_.model_dump(mode="json") for name, range_ in ranges.items()},
        "backend": os.environ.get("KERAS_BACKEND", ""),
        "arrays": Fingerprint.read().arrays_md5,
        "val": [row.group for row in read_manifest() if row.split == "val"],
        "code": code_of("train"),
    }
    return hashlib.md5(json.dumps(identity, sort_keys=True).encode(), usedforsecurity=False).hexdigest()


def run_trials(study: Study, search: Search, num_trials: int, parent: str) -> None:
    """Goes on with the trials that were stopped here, and begins others until there are enough.

    Raises:
        StageError: several trials failed in a row, or data or code changed meanwhile.
    """
    num_failed = 0
    for trial in open_trials(study, search, num_trials):
        if identify(search.content, search.ranges) != search.identity:
            raise StageError(f"data or code changed during the search, so a new study begins: {TO_GO_ON}")
        outcome = run_trial(trial, search, f"trial {trial.number}/{num_trials}: ", parent)
        num_failed = num_failed + 1 if outcome.state == FAILED else 0
        if num_failed == MAX_FAILED:
            raise StageError(f"{MAX_FAILED} trials failed, one after the other; the last one: {outcome.reason}")


def open_trials(study: Study, search: Search, num_trials: int) -> Iterator[OpenTrial]:
    """The trials for this process; a running one is ours if its project is here, or if the database is ours alone."""
    for row in study.rows():
        project = search.folder / f"trial-{row.number}"
        if row.outcome.state == RUNNING and (project.exists() or not is_shared()):
            yield study.reopen(row.number)
    while len(study.rows()) < num_trials:
        yield study.begin()


def run_trial(trial: OpenTrial, search: Search, prefix: str, parent: str) -> Outcome:
    """Trains and scores one trial, and stores how it ended.

    Raises:
        RegistryError: MLflow cannot be reached; the trial stays open.
    """
    project = search.folder / f"trial-{trial.number}"
    project.mkdir(exist_ok=True)
    run_id = trial.run_id or create_run({"mlflow.runName": f"trial-{trial.number}", "mlflow.parentRunId": parent})
    trial.keep_run(run_id)
    print(f"{prefix}{describe(trial.values)}", flush=True)
    rows: list[Row] = []
    outcome = attempt(trial, project, with_values(search.content, trial.values), prefix, run_id, rows)
    end_run(run_id, record_of_trial(outcome, trial, rows, search), RUN_STATES[outcome.state], TO_GO_ON)
    trial.end(outcome)
    shutil.rmtree(project)
    print(f"{prefix}{outcome.state} {outcome.reason or f'with mean IoU {outcome.mean_iou:.4f} on val'}", flush=True)
    return outcome


def attempt(
    trial: OpenTrial, project: Path, content: Mapping[str, Any], prefix: str, run_id: str, rows: list[Row]
) -> Outcome:
    """How a trial ends; `rows` gets its epochs. Values that are no valid params together are pruned."""
    if problem := find_problem(content):
        return Outcome(PRUNED, f"not valid together: {problem}")
    prepare(project, with_values(content, {"train.num_networks": 1}))
    try:
        if not (project / WORK / "train" / MARKER).exists():
            watch = partial(take_line, trial, rows, content["train"]["num_epochs"], run_id, prefix)
            run_step(project, "train", watch, {LINES: "1"})
        rows[:] = read_history(project / HISTORY)
        if not (project / VAL_SCORE).exists():
            run_step(project, "score_val", partial(print, prefix, sep="", flush=True))
        interval = read_record(project / VAL_SCORE, Interval, "the step `score_val`")
    except BehindError:
        return Outcome(PRUNED, f"below the median after epoch {len(rows)}")
    except StageError as err:
        return Outcome(FAILED, str(err))
    if not math.isfinite(interval.estimate):
        return Outcome(FAILED, f"mean IoU on val is {interval.estimate}; val needs labelled images")
    return Outcome(FINISHED, "", interval.estimate, interval.low, interval.high)


def take_line(trial: OpenTrial, rows: list[Row], num_epochs: int, run_id: str, prefix: str, line: str) -> None:
    """Takes a line of a training's output: metrics go to study and MLflow, other lines but those of panels are printed.

    Raises:
        BehindError: the trial is pruned, which it is not after the last epoch.
    """
    if not line.startswith(PREFIX):
        if not line.startswith(PANEL):
            print(prefix, line, sep="", flush=True)
        return
    row = json.loads(line.removeprefix(PREFIX))
    rows.append(row)
    epoch = int(row["epoch"])
    if trial.report(epoch, row["val_mean_iou"]):
        log_epoch(run_id, {name: value for name, value in row.items() if name != "epoch"}, epoch)
    if epoch < num_epochs and trial.is_behind():
        raise BehindError


def record_of_trial(outcome: Outcome, trial: OpenTrial, rows: Sequence[Row], search: Search) -> RunRecord:
    """The content of a trial's MLflow run."""
    ends = {"best_val_mean_iou_low": outcome.low, "best_val_mean_iou_high": outcome.high}
    metrics = {"best_val_mean_iou": outcome.mean_iou, **ends}
    tags = {"segline.trial_state": outcome.state, "segline.trial_reason": outcome.reason}
    return make_record(search, with_values(search.content, trial.values), metrics, tags, rows)


def record_of_search(tuning: Tuning, search: Search) -> RunRecord:
    """The content of the search's MLflow run."""
    best = tuning.trials[0].outcome
    metrics = {"best_val_mean_iou": best.mean_iou, "num_trials": float(len(tuning.trials))}
    texts = {tuning.out.name: tuning.out.read_text(encoding="utf-8"), "params.diff": tuning.difference}
    return make_record(search, {}, metrics, texts=texts | {"ranges.yaml": search.file.read_text(encoding="utf-8")})


def make_record(
    search: Search,
    params: Mapping[str, Any],
    metrics: Mapping[str, float] | None = None,
    tags: Mapping[str, str] | None = None,
    rows: Sequence[Row] = (),
    texts: Mapping[str, str] | None = None,
) -> RunRecord:
    """A record that names study and data set; MLflow gets no empty tag."""
    path, md5 = read_data_version()
    known = {"segline.study": search.identity} | {name: shown(tag) for name, tag in (tags or {}).items() if tag}
    return RunRecord(known, flatten_params(params), metrics or {}, tuple(rows), (), texts or {}, path, md5)


def conclude(rows: Sequence[TrialRow], search: Search, out: Path) -> Tuning:
    """Puts the trials in order and writes the proposed params.

    Raises:
        EvidenceError: no trial is finished.
    """
    finished = [row for row in rows if row.outcome.state == FINISHED]
    if not finished:
        reasons = "; ".join(f"{row.number}: {row.outcome.state} {row.outcome.reason}".strip() for row in rows)
        raise EvidenceError(f"none of {len(rows)} trials is finished ({reasons}); correct the ranges, or run more")
    finished.sort(key=lambda row: (-row.outcome.mean_iou, row.number))
    best = finished[0].values
    text = propose(search.text, best)
    with written_whole(out) as part:
        part.write_bytes(text.encode())
    others = [row for row in rows if row.outcome.state != FINISHED]
    return Tuning((*finished, *others), best, search.today, out, difference(search.text, text, str(out)))


def describe(values: Mapping[str, Any]) -> str:
    """Values of params in a line."""
    return ", ".join(f"{name.removeprefix('train.')} {value}" for name, value in values.items())


def show(tuning: Tuning | None) -> None:
    """Prints the trials, and the change of the params to review; nothing of a search that was handed over."""
    if not tuning:
        return
    Console().print(build_table(tuning))
    if not tuning.difference:
        print(f"no trial is better than {PARAMS}; {tuning.out} is a copy of it")
        return
    print(tuning.difference)
    print(f"{tuning.out} has the best trial's values; the best of many looks better on val than it is, the more so if")
    print(f"intervals overlap. Review it, `cp {tuning.out} {PARAMS}`, and let `segline run` judge it on test.")


def build_table(tuning: Tuning) -> Table:
    """A row for each trial; that of today's params is marked."""
    table = Table(box=None)
    for name in ("trial", "state", "mean IoU on val", "epochs"):
        table.add_column(name, no_wrap=True)
    table.add_column("values")
    for row in tuning.trials:
        end, note = row.outcome, "as in params.yaml" if row.values == tuning.today else shown(row.outcome.reason)
        score = f"{end.mean_iou:.4f}" if end.state == FINISHED else ""
        interval = f" ({end.low:.4f} to {end.high:.4f})" if end.low <= end.high else ""
        values = "; ".join(filter(None, [describe(row.values), note]))
        table.add_row(*map(Text, (str(row.number), end.state, f"{score}{interval}", str(row.num_epochs), values)))
    return table
