"""The program of a run of the flow (`python -m flows.run [--promote]`) and of a stage (`--stage NAME`)."""

import sys
from pathlib import Path

from flows.server import prefect_server, where_pages_are
from flows.start import check_start
from pipeline.dataset.versions import run_if_stale
from pipeline.errors import RejectedError, StageError
from pipeline.evaluation.verdict import Verdict
from pipeline.report.place import NEWEST
from pipeline.runtime.guard import started
from pipeline.runtime.locks import only_one
from pipeline.runtime.program import run


class RunError(StageError):
    """A run's process ended with `exit_code` after an error, which it has printed itself."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(f"the run ended with exit code {exit_code}; its last lines say why")
        self.exit_code = exit_code


def run_apart(promote: bool) -> Verdict:
    """Runs the flow in a process of its own, so that its last logs are sent before Prefect's server ends.

    See `segline.run`; a run that fails raises `RunError`.
    """
    check_start()  # at once, not after the server's start
    with only_one("run"):
        pass
    with prefect_server() as address:
        print(f"Prefect shows this run at {where_pages_are(address)}", flush=True)
        command = (sys.executable, "-m", "flows.run", *(["--promote"] if promote else []))
        with started(command, None) as child:
            code = child.wait()
    if code not in (0, RejectedError.exit_code):
        raise RunError(code)
    return Verdict.read()


def main() -> None:
    """Runs the stage in the arguments if it is not fresh, else the flow."""
    if sys.argv[1:2] == ["--stage"]:
        run_if_stale(sys.argv[2])
    else:
        run_flow(promote="--promote" in sys.argv[1:])


def run_flow(promote: bool) -> None:
    """Runs the flow and prints how it ended.

    Raises:
        StageError: a step failed; the message is that of the step.
    """
    from flows.retrain import REJECTED, retrain  # seconds to import

    state = retrain(promote=promote, return_state=True)
    if state.name == REJECTED:
        print(f"rejected by the gate, nothing was registered: {state.message}", file=sys.stderr)
        print(f"report:      {NEWEST.resolve()}")
        sys.exit(RejectedError.exit_code)
    if not state.is_completed():
        raise StageError(state.message or f"the run ended as {state.name}")
    print_outcome()


def print_outcome() -> None:
    """Prints where the report is, the aliases of the registry, and how to see MLflow's pages."""
    from pipeline.registry.client import CHALLENGER, CHAMPION, find_alias
    from pipeline.registry.connection import shown_uri

    print(f"report:      {NEWEST.resolve()}")
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
