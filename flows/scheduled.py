"""The flow `scheduled`: if code, params or data are new, runs the stages in a clone of its own and commits the run."""

from contextlib import chdir
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.changes import Changes, find_changes
from flows.failure import failed
from pipeline.errors import StageError
from pipeline.registry.connection import set_absolute_uri
from pipeline.repository.checkout import SOURCE, Checkout
from pipeline.runtime.locks import FOLDER, held, only_one

DAY_S = 86_400.0
SKIPPED = "Skipped"
"""Name of the state of a run that had nothing to do."""


class BusyError(StageError):
    """Another scheduled run of this project is under way."""


@flow
def scheduled(promote: bool = False, source: str = "", branch: str = "", stage_timeout_s: float = DAY_S) -> State[Any]:
    """Runs the newest committed code on the newest data, if either changed since the last run, and commits the run.

    The run works in `.segline/runs/`, a clone of this project's remote `origin`; the project's own files are not
    touched. The data and outputs go to DVC's remote, data.dvc, dvc.lock and source.json to the branch `segline/runs`
    of `origin`, and then the model is registered. A run that ended before that is done again; its stages are fresh.

    Args:
        promote: promote the new model if the rule in section `promote` of the params allows it.
        source: the words after `segline import` that bring the data in; what they name in S3 is watched. Empty: the
            data are those of data.dvc.
        branch: whose code is run; empty: the default branch of `origin`.
        stage_timeout_s: seconds after which a stage is stopped.
    """
    set_absolute_uri()
    checkout = Checkout(Path())
    try:
        with held(FOLDER / "scheduled.lock", BusyError("another scheduled run is under way")):
            changes = find_changes(checkout, source, branch)
            if reason := changes.reason_to_skip:
                return Completed(name=SKIPPED, message=reason)
            return _run(checkout, changes, promote, stage_timeout_s)
    except BusyError as err:
        return Completed(name=SKIPPED, message=str(err))
    except Exception as err:  # Prefect would store its text
        return failed(err)


def _run(checkout: Checkout, changes: Changes, promote: bool, timeout_s: float) -> State[Any]:
    from flows.prefect_client import make_ready  # a run with nothing to do shall not take seconds
    from flows.retrain import run_step, train_and_register
    from flows.start import check_start
    from pipeline.dataset.versions import push, restore

    get_run_logger().info("new since the last run: %s", changes)
    make_ready()
    checkout.prepare(changes.start)
    with chdir(checkout.folder), only_one("run"):
        restore(checkout.project)
        if changes.is_source_new:
            run_step("import", ("import", *changes.source.words, "--minutes", "0"), timeout_s)  # params stay
            changes.source.write(Path(SOURCE))
        check_start()
        push("data.dvc")  # a remote that cannot be written shall not cost a training
        state = train_and_register(promote, timeout_s, lambda: _save(checkout, changes))
        checkout.finish()
        return state


def _save(checkout: Checkout, changes: Changes) -> None:
    """Saves the run so that each part names only what is saved already: data and outputs, then the commit."""
    from pipeline.dataset.versions import push
    from pipeline.evaluation.verdict import Verdict

    if not push():
        get_run_logger().warning("DVC has no remote: data and outputs are in this machine's cache alone")
    verdict = Verdict.read()
    score = "" if verdict.mean_iou is None else f", mean IoU {verdict.mean_iou:.4f}"
    title = f"Run of {changes.start.code[:8]}: {'accepted' if verdict.accepted else 'rejected'}{score}"
    commit = checkout.save(changes.start, "\n".join([title, "", *verdict.sentences, "", f"New: {changes}"]))
    get_run_logger().info("the run is commit %s", commit[:8])
