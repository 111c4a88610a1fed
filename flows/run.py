"""The program of a run of a flow (`python -m flows.run FLOW PARAMETERS`) and of a stage (`--stage NAME`)."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flows.server import prefect_server, where_pages_are
from flows.start import check_start
from pipeline.dataset.versions import run_if_stale
from pipeline.errors import RejectedError, StageError
from pipeline.evaluation.verdict import Verdict
from pipeline.report.place import NEWEST
from pipeline.repository.checkout import CLONE
from pipeline.runtime.guard import started
from pipeline.runtime.locks import only_one
from pipeline.runtime.program import run


class RunError(StageError):
    """A run's process ended with `exit_code` after an error, which it has printed itself."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(f"the run ended with exit code {exit_code}; its last lines say why")
        self.exit_code = exit_code


def run_apart(promote: bool) -> Verdict:
    """Runs the flow `retrain`; see `segline.run`. A run that fails raises `RunError`."""
    check_start()  # at once, not after the server's start
    with only_one("run"):
        pass
    run_flow_apart("retrain", {"promote": promote})
    return Verdict.read()


def run_flow_apart(flow: str, parameters: Mapping[str, Any]) -> bool:
    """Runs a flow in a process of its own, so that its last logs are sent before Prefect's server ends.

    Returns:
        False if the gate rejected the model.

    Raises:
        RunError: the run failed.
    """
    with prefect_server() as address:
        print(f"Prefect shows this run at {where_pages_are(address)}", flush=True)
        command = (sys.executable, "-m", "flows.run", flow, json.dumps(parameters))
        with started(command, None) as child:
            code = child.wait()
    if code not in (0, RejectedError.exit_code):
        raise RunError(code)
    return code == 0


def main() -> None:
    """Runs the stage in the arguments if it is not fresh, or the flow in the arguments."""
    if sys.argv[1] == "--stage":
        run_if_stale(sys.argv[2])
    else:
        run_flow(sys.argv[1], json.loads(sys.argv[2]))


def run_flow(name: str, parameters: Mapping[str, Any]) -> None:
    """Runs the flow of a name and prints how it ended.

    Raises:
        StageError: a step failed; the message is that of the step.
    """
    from flows.retrain import REJECTED, retrain  # seconds to import
    from flows.scheduled import SKIPPED, scheduled

    flows: dict[str, Any] = {"retrain": retrain, "scheduled": scheduled}
    state = flows[name](**parameters, return_state=True)
    report = (CLONE if name == "scheduled" else Path()).resolve() / NEWEST
    if state.name == REJECTED:
        print(f"rejected by the gate, nothing was registered: {state.message}", file=sys.stderr)
        print(f"report:      {report}")
        sys.exit(RejectedError.exit_code)
    if not state.is_completed():
        raise StageError(state.message or f"the run ended as {state.name}")
    if state.name == SKIPPED:
        print(f"skipped: {state.message}")
    else:
        print_outcome(report)


def print_outcome(report: Path) -> None:
    """Prints where the report is, the aliases of the registry, and how to see MLflow's pages."""
    from pipeline.registry.client import CHALLENGER, CHAMPION, find_alias
    from pipeline.registry.connection import shown_uri

    print(f"report:      {report}")
    for alias in (CHALLENGER, CHAMPION):
        print(f"{alias + ':':<12} {find_alias(alias) or 'none'}")
    print(f"MLflow UI:   {open_ui(shown_uri())}")


def open_ui(uri: str) -> str:
    """How to see MLflow's pages: the address of a server, or a command for a database."""
    program = Path(sys.executable).with_name("mlflow")
    shown = program.relative_to(Path.cwd()) if program.is_relative_to(Path.cwd()) else program
    return uri if uri.startswith("http") else f"{shown} ui --backend-store-uri {uri}"


if __name__ == "__main__":
    run(main)
