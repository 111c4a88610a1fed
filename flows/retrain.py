"""The flow `retrain`: the stages of `dvc.yaml`, then the registry, then promotion if it is wanted."""

import logging
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run, task_run
from prefect.states import Completed, Failed

from flows.artifacts import publish_evidence, publish_report
from flows.failure import failed
from flows.live_run import RUN, close_live_run, forwarding, open_live_run
from flows.prefect_client import make_ready, one_training, patiently
from flows.scheduled import DAY_S
from flows.start import check_start, check_test_labels
from pipeline.dataset.contract import DATA
from pipeline.dataset.versions import add_data, is_fresh
from pipeline.errors import StageError
from pipeline.evaluation.verdict import Verdict
from pipeline.ledger.ledger import Aliases, read_ledger, replay
from pipeline.registry.client import check_registry, model_name
from pipeline.report.place import publish_gate_page
from pipeline.runtime.guard import run_guarded
from pipeline.runtime.locks import only_one
from pipeline.runtime.stages import list_stages

TRAIN = "train"
"""The stage that runs once at a time and logs to MLflow meanwhile."""
REJECTED = "GateRejected"
"""Name of the state of a run whose model the gate rejected."""
PROMOTED = "Promoted"
"""Name of the state of a run whose model is the champion now."""

WARNING = re.compile(r"(\w+: )?warning: ")
"""Beginning of a line by which a program warns."""


def _without_empty_traceback(record: logging.LogRecord) -> bool:
    """Prefect asks for the traceback of a failed state that a task returned, and prints "NoneType: None"."""
    if record.exc_info and record.exc_info[0] is None:
        record.exc_info = None
    return True


logging.getLogger("prefect.task_runs").addFilter(_without_empty_traceback)


@flow
def retrain(promote: bool = False, stage_timeout_s: float = DAY_S) -> State[Any]:
    """Runs the stages that are not up to date and registers an accepted model.

    Args:
        promote: promote the new model if the rule in section `promote` of the params allows it.
        stage_timeout_s: seconds after which a stage is stopped.
    """
    try:
        with only_one("run"):
            return _retrain(promote, stage_timeout_s)
    except Exception as err:  # Prefect would store its text
        return failed(err)


def _retrain(promote: bool, timeout_s: float) -> State[Any]:
    check_start()
    track_data()
    make_ready()
    return train_and_register(promote, timeout_s)


def train_and_register(promote: bool, timeout_s: float, save: Callable[[], None] | None = None) -> State[Any]:
    """Runs the stages that are not up to date, then registers an accepted model.

    Args:
        promote: promote the new model if the rule in section `promote` of the params allows it.
        timeout_s: seconds after which a stage or step is stopped.
        save: called after the stages, before anything is registered.

    Raises:
        SeglineError: a stage or step failed.
    """
    check_registry()
    if caution := check_test_labels():
        get_run_logger().warning(caution)
    close_live_run()
    try:
        live_run = _run_stages(timeout_s)
        publish_gate_page()
        patiently(publish_evidence)
        verdict = Verdict.read()
        if save:
            save()
        if not verdict.accepted:
            return Failed(name=REJECTED, message="; ".join(verdict.sentences))
        actor = f"flow {flow_run.flow_name}, run {flow_run.name}"
        for step in ("register", "promote") if promote else ("register",):
            run_step(step, (step,), timeout_s, {**live_run, "SEGLINE_ACTOR": actor})
        if promote:
            patiently(lambda: publish_report("decision", "Report with decision"))
            return state_of_decision(actor)
    finally:
        close_live_run()
    return Completed(message="accepted by the gate and registered")


def state_of_decision(actor: str) -> State[Any]:
    """The state of a run whose model was decided on, from the last line that `actor` wrote into the ledger."""
    lines = read_ledger()
    effects = replay(lines, Aliases(None, None)).effects
    line, effect = [pair for pair in zip(lines, effects, strict=True) if pair[0].who == actor][-1]
    version, reasons = f"{model_name()}/{line.version}", "; ".join(line.reasons)
    if effect.what == "promoted":
        return Completed(name=PROMOTED, message=f"{version} is the champion: {reasons}")
    return Completed(message=f"{version} is registered, but not promoted: {effect.reason or reasons}")


def run_step(name: str, words: Sequence[str], timeout_s: float, environment: Mapping[str, str] | None = None) -> None:
    """Runs a command of segline as a task.

    Raises:
        StageError: it failed.
    """
    _run(name, (sys.executable, "-m", "segline.command", *words), timeout_s, environment)


def track_data() -> None:
    """Gives data that were changed by hand a version of their own, as `dvc repro` without a target does.

    Raises:
        StageError: DVC is busy or fails.
    """
    file = DATA.with_name(f"{DATA.name}.dvc")
    if not file.exists() or not is_fresh(str(file)):
        get_run_logger().info("%s holds other files than %s says; this is version %s", DATA, file, add_data())


def _run_stages(timeout_s: float) -> Mapping[str, str]:
    """Runs all stages; gives the environment that names the training's MLflow run, if one was opened."""
    live_run: Mapping[str, str] = {}
    for stage in list_stages():
        if stage == TRAIN and not is_fresh(stage):
            with one_training():
                live_run = open_live_run()
                run_stage(stage, timeout_s, live_run)
        else:
            run_stage(stage, timeout_s)
    return live_run


def run_stage(stage: str, timeout_s: float, environment: Mapping[str, str] | None = None) -> None:
    """Runs a stage as a task, if it is not fresh.

    Raises:
        StageError: it failed.
    """
    _run(stage, (sys.executable, "-m", "flows.run", "--stage", stage), timeout_s, environment)


def _run(name: str, command: Sequence[str], timeout_s: float, environment: Mapping[str, str] | None = None) -> None:
    program = run_program.with_options(name=name, task_run_name=name)
    state = program(command, timeout_s, environment, return_state=True)
    if not state.is_completed():
        raise StageError(state.message or f"{name} ended as {state.name}")


def log_line(logger: logging.Logger | logging.LoggerAdapter[Any], line: str) -> None:
    """Logs a line of a program's output, as a warning if it is one."""
    logger.log(logging.WARNING if WARNING.match(line) else logging.INFO, line)


@task(cache_policy=NO_CACHE)
def run_program(command: Sequence[str], timeout_s: float, environment: Mapping[str, str] | None) -> State[Any] | None:
    """Runs a program with its output in the log of this task; its failure ends the task without a traceback."""
    try:
        on_line: Callable[[str], None] = partial(log_line, get_run_logger())
        if run_id := (environment or {}).get(RUN):
            on_line = forwarding(on_line, run_id)
        run_guarded(task_run.name, command, on_line, timeout_s, environment)
    except Exception as err:  # Prefect would store its text
        return failed(err)
    return None
