"""The flow `scheduled`: if code, params or data are new, runs the stages in a clone of its own and commits the run."""

import shlex
from collections.abc import Sequence
from contextlib import chdir
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.prefect_client import make_ready
from flows.retrain import DAY_S, run_step, train_and_register
from flows.source import look_at, read_source
from flows.start import check_start
from pipeline.dataset.versions import find_cache, push, restore
from pipeline.errors import ParamsError, SeglineError, StageError
from pipeline.evaluation.verdict import Verdict
from pipeline.registry.connection import set_absolute_uri
from pipeline.registry.lineage import CODE
from pipeline.repository.checkout import DATA_DVC, SOURCE, Checkout, Start
from pipeline.runtime.locks import FOLDER, held, only_one

SKIPPED = "Skipped"
"""Name of the state of a run that had nothing to do."""
WATCHED = (*CODE, "params.yaml", DATA_DVC)
"""Files of the repository whose change starts a run."""
NUM_NAMED = 5


class BusyError(StageError):
    """Another scheduled run of this project is under way."""


@flow
def scheduled(promote: bool = False, source: str = "", branch: str = "", stage_timeout_s: float = DAY_S) -> State[Any]:
    """Runs the newest committed code on the newest data, if either changed since the last run, and commits the run.

    The run works in `.segline/runs/`, a clone of this project's remote `origin`; the project's own files are not
    touched. The data and outputs go to DVC's remote, data.dvc, dvc.lock and source.json to the branch `segline/runs`
    of `origin`, and then the model is registered.

    Args:
        promote: promote the new model if the rule in section `promote` of the params allows it.
        source: the words after `segline import` that bring the data in; what they name in S3 is watched. Empty: the
            data are those of data.dvc.
        branch: whose code is run; empty: the default branch of `origin`.
        stage_timeout_s: seconds after which a stage is stopped.
    """
    set_absolute_uri()
    try:
        with held(FOLDER / "scheduled.lock", BusyError("another scheduled run is under way")):
            return _run_if_new(promote, split_words(source), branch, stage_timeout_s)
    except BusyError as err:
        return Completed(name=SKIPPED, message=str(err))
    except SeglineError as err:
        return Failed(message=str(err))


def check_parameters(source: str, branch: str) -> None:
    """Checks that a run by these parameters could begin now.

    Raises:
        SeglineError: see `scheduled`; the source or the branch cannot be read.
    """
    look_at(split_words(source))
    Checkout(Path()).fetch(branch)


def split_words(source: str) -> list[str]:
    """The words of an import, as a shell splits them.

    Raises:
        ParamsError: a quotation mark is missing.
    """
    try:
        return shlex.split(source)
    except ValueError as err:
        raise ParamsError(f"source {source!r}: {err}; expected the words after `segline import`") from err


def _run_if_new(promote: bool, words: Sequence[str], branch: str, timeout_s: float) -> State[Any]:
    checkout = Checkout(Path())
    start = checkout.fetch(branch)
    source, is_arriving = look_at(words)
    is_new = bool(words) and source != read_source(checkout.read(start.last, SOURCE))
    if is_new and is_arriving:
        return Completed(name=SKIPPED, message=f"waits for the end of an upload to {_some(words)}")
    changes = [*checkout.list_changes(start, WATCHED), *(watched.url for watched in source.watched if is_new)]
    if not changes and not is_new:
        return Completed(name=SKIPPED, message=f"no change since the last run, commit {str(start.last)[:8]}")
    get_run_logger().info("changed since the last run: %s", _some(changes or words))
    make_ready()
    cache = find_cache()
    checkout.prepare(start)
    with chdir(checkout.folder), only_one("run"):
        restore(cache)
        if is_new:
            run_step("import", ("import", *words), timeout_s)
            source.write(Path(SOURCE))
        check_start()
        return train_and_register(promote, timeout_s, lambda verdict: _save(checkout, start, verdict))


def _save(checkout: Checkout, start: Start, verdict: Verdict) -> None:
    """Saves the run so that each part names only what is saved already: data and outputs, then the commit."""
    if not push():
        get_run_logger().warning("DVC has no remote: data and outputs are in this machine's cache alone")
    score = "" if verdict.mean_iou is None else f", mean IoU {verdict.mean_iou:.4f}"
    title = f"Run of {start.code[:8]}: {'accepted' if verdict.accepted else 'rejected'}{score}"
    commit = checkout.save(start, "\n".join([title, "", *verdict.sentences]))
    get_run_logger().info("the run is commit %s", commit[:8])


def _some(names: Sequence[str]) -> str:
    rest = len(names) - NUM_NAMED
    return ", ".join(names[:NUM_NAMED]) + (f" and {rest} more" if rest > 0 else "")
