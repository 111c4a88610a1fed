"""The study of a search: its trials in a database, which several machines may share. The only file with Optuna.

SEGLINE_TUNE_STORAGE is the address of a database for all machines, such as postgresql://USER:PASSWORD@HOST/NAME; the
default is a file in the study's folder.
"""

import json
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from pipeline.errors import StageError
from pipeline.trials.ranges import Choices, Range

STORAGE = "SEGLINE_TUNE_STORAGE"
FINISHED, PRUNED, FAILED, RUNNING = "finished", "pruned", "failed", "running"
STATES = {
    TrialState.COMPLETE: FINISHED,
    TrialState.PRUNED: PRUNED,
    TrialState.FAIL: FAILED,
    TrialState.RUNNING: RUNNING,
    TrialState.WAITING: "waiting",
}


@dataclass(frozen=True)
class Outcome:
    """The end of a trial.

    Attributes:
        state: `FINISHED`, `PRUNED` or `FAILED`.
        reason: of a trial that is not finished.
        mean_iou: on val, at the best epoch; nan if it is not finished.
        low: lower end of its interval; nan without one, as is the other end.
        high: upper end.
    """

    state: str
    reason: str = ""
    mean_iou: float = nan
    low: float = nan
    high: float = nan


@dataclass(frozen=True)
class TrialRow:
    """A trial as the study has it: number from 1, the values by the name of the param, epochs done, and its outcome."""

    number: int
    values: Mapping[str, Any]
    num_epochs: int
    outcome: Outcome


class OpenTrial:
    """A trial under way; its number is from 1."""

    def __init__(self, trial: optuna.Trial, ranges: Mapping[str, Range]) -> None:
        self._trial, self.number = trial, trial.number + 1
        kept = trial.user_attrs.get("values")  # those of a stopped trial
        self.values: dict[str, Any] = kept or {name: _suggest(trial, name, range_) for name, range_ in ranges.items()}
        self._epochs = set(trial.study.get_trials(deepcopy=False)[trial.number].intermediate_values)
        trial.set_user_attr("values", self.values)

    @property
    def run_id(self) -> str | None:
        """The MLflow run that was kept."""
        return self._trial.user_attrs.get("run_id")

    def keep_run(self, run_id: str) -> None:
        """Keeps the MLflow run for whoever continues the trial."""
        self._trial.set_user_attr("run_id", run_id)

    def report(self, epoch: int, mean_iou: float) -> bool:
        """Stores the score of an epoch; False if it is stored already."""
        if epoch in self._epochs:
            return False
        self._epochs.add(epoch)
        self._trial.report(mean_iou, epoch)
        return True

    def is_behind(self) -> bool:
        """True if the trial's best epoch is below the median of the finished trials at the last reported epoch."""
        return self._trial.should_prune()

    def end(self, outcome: Outcome) -> None:
        """Stores the outcome; nothing can change it afterwards."""
        interval = [outcome.low, outcome.high] if outcome.low <= outcome.high else None  # nan is no JSON
        self._trial.set_user_attr("interval", interval)
        self._trial.set_user_attr("reason", outcome.reason)
        state = next(key for key, name in STATES.items() if name == outcome.state)
        self._trial.study.tell(self._trial.number, outcome.mean_iou if outcome.state == FINISHED else None, state)


class Study:
    """The trials of one search.

    Each trial draws from `seed` and its own number, so that a search that was stopped goes on as if it was not, and
    machines with one database draw differently.
    """

    def __init__(self, study: optuna.Study, ranges: Mapping[str, Range], seed: int) -> None:
        self._study, self.ranges, self._seed = study, ranges, seed

    @property
    def run_id(self) -> str | None:
        """The MLflow run that was kept."""
        return self._study.user_attrs.get("run_id")

    def keep_run(self, run_id: str) -> None:
        """Keeps the MLflow run of the search."""
        self._study.set_user_attr("run_id", run_id)

    def rows(self) -> list[TrialRow]:
        """The trials that were begun, by number."""
        return [_to_row(trial) for trial in self._trials() if trial.state != TrialState.WAITING]

    def put_first(self, values: Mapping[str, Any]) -> None:
        """Makes these values the first trial, if they are in the ranges and no trial was begun."""
        if not self._trials() and all(values[name] in range_ for name, range_ in self.ranges.items()):
            first = {name: _encode(values[name], range_) for name, range_ in self.ranges.items()}
            self._study.enqueue_trial(first, skip_if_exists=True)

    def begin(self) -> OpenTrial:
        """A new trial with values for all params."""
        return self._open(self._study.ask())

    def reopen(self, number: int) -> OpenTrial:
        """The running trial of a process that is gone."""
        return self._open(optuna.Trial(self._study, self._trials()[number - 1]._trial_id))

    def _open(self, trial: optuna.Trial) -> OpenTrial:
        self._study.sampler = _sampler(self._seed + trial.number)
        return OpenTrial(trial, self.ranges)

    def _trials(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)


@contextmanager
def opened_study(folder: Path, ranges: Mapping[str, Range], seed: int, num_warmup_epochs: int) -> Iterator[Study]:
    """Opens the study of a folder, which is made if it is missing; its name in a shared database is the folder's.

    Args:
        folder: of the study; whatever the scores depend on is in its name.
        ranges: by the name of the param.
        seed: of the draws.
        num_warmup_epochs: the first epochs, after which no trial is pruned.

    Raises:
        StageError: the database cannot be reached, or fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    address = os.environ.get(STORAGE) or f"sqlite:///{folder.resolve() / 'study.db'}"
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # of the constant liar
        try:
            storage = _open_storage(address)
            try:
                yield Study(_open_study(storage, f"segline-{folder.name}", seed, num_warmup_epochs), ranges, seed)
            finally:
                storage.remove_session()
                storage.engine.dispose()
        except (optuna.exceptions.OptunaError, SQLAlchemyError) as err:
            raise _unusable(address, err) from err


def is_shared() -> bool:
    """True if the database may be that of other machines too."""
    return bool(os.environ.get(STORAGE))


def _open_storage(address: str) -> optuna.storages.RDBStorage:
    try:
        return optuna.storages.RDBStorage(address)
    except ImportError as err:
        raise _unusable(address, err) from err


def _unusable(address: str, err: Exception) -> StageError:
    cause = str(err.__cause__ or err).partition("\n")[0]
    return StageError(
        f"the study at {address} cannot be used: {cause}; finished trials are kept. Correct {STORAGE}, or repair the "
        "database, and run the same command again"
    )


def _open_study(storage: Any, name: str, seed: int, num_warmup_epochs: int) -> optuna.Study:
    return optuna.create_study(
        study_name=name,
        storage=storage,
        sampler=_sampler(seed),
        pruner=optuna.pruners.MedianPruner(n_warmup_steps=num_warmup_epochs),
        direction="maximize",
        load_if_exists=True,
    )


def _sampler(seed: int) -> optuna.samplers.TPESampler:
    """Constant liar: what other machines try just now counts as bad, so that they do not try the same."""
    return optuna.samplers.TPESampler(seed=seed % 2**32, constant_liar=True)


def _suggest(trial: optuna.Trial, name: str, range_: Range) -> Any:
    if isinstance(range_, Choices):
        chosen = trial.suggest_categorical(name, [_encode(value, range_) for value in range_.choices])
        return next(value for value in range_.choices if _encode(value, range_) == chosen)
    if isinstance(range_.low, int):
        step = int(range_.step or 1)
        return trial.suggest_int(name, range_.low, int(range_.high), log=range_.log, step=step)
    return range_.rounded(trial.suggest_float(name, range_.low, range_.high, log=range_.log, step=range_.step))


def _encode(value: Any, range_: Range) -> Any:
    """Optuna has no lists as choices: they are JSON."""
    return json.dumps(value) if isinstance(range_, Choices) and isinstance(value, list) else value


def _to_row(trial: FrozenTrial) -> TrialRow:
    kept = trial.user_attrs
    low, high = kept.get("interval") or (nan, nan)
    outcome = Outcome(
        STATES[trial.state], kept.get("reason", ""), nan if trial.value is None else trial.value, low, high
    )
    return TrialRow(trial.number + 1, kept.get("values", {}), len(trial.intermediate_values), outcome)
