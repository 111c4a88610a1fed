"""What runs in a process of its own: the flow (`python -m flows.run [--promote]`), or a stage (`--stage NAME`)."""

import sys
from pathlib import Path

from pipeline.dataset.versions import run_if_stale
from pipeline.errors import RejectedError, StageError
from pipeline.report.place import NEWEST
from pipeline.runtime.program import run


def main() -> None:
    """Runs the stage in the arguments if it is not fresh, else the flow."""
    if sys.argv[1:2] == ["--stage"]:
        run_if_stale(sys.argv[2])
    else:
        run_flow(promote="--promote" in sys.argv[1:])


def run_flow(promote: bool) -> None:
    """Runs the flow and says how it ended.

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
    """Says where the report is, what the registry holds and how to look at it."""
    from pipeline.registry.client import CHALLENGER, CHAMPION, find_alias
    from pipeline.registry.connection import shown_uri

    print(f"report:      {NEWEST.resolve()}")
    for alias in (CHALLENGER, CHAMPION):
        print(f"{alias + ':':<12} {find_alias(alias) or 'none'}")
    print(f"MLflow UI:   {open_ui(shown_uri())}")


def open_ui(uri: str) -> str:
    """How to see MLflow's pages: a server has them at its address, a data base needs a command."""
    program = Path(sys.executable).with_name("mlflow")
    shown = program.relative_to(Path.cwd()) if program.is_relative_to(Path.cwd()) else program
    return uri if uri.startswith("http") else f"{shown} ui --backend-store-uri {uri}"


if __name__ == "__main__":
    run(main)
