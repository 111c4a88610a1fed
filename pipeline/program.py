"""How each program of ours starts and ends."""

import errno
import sys
from collections.abc import Callable

from pipeline.errors import SeglineError
from pipeline.inputs import unchanged_inputs
from pipeline.report_cost import cost_recorded
from pipeline.text import shown_lines


def run_stage(stage: str, main: Callable[[], None]) -> None:
    """Runs the program of a stage as `run` does, keeps its cost, and fails when its inputs change in the meantime."""

    def watched() -> None:
        with unchanged_inputs(stage), cost_recorded(stage):
            main()

    run(watched)


def run(main: Callable[[], None]) -> None:
    """Runs a program; what a user can mend ends as a message on stderr and exit code 1, without a traceback."""
    try:
        main()
    except SeglineError as err:
        print(f"error: {shown_lines(str(err))}", file=sys.stderr)
        sys.exit(1)
    except OSError as err:
        if err.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        print(f"error: {err}; free some space and run the same command again, nothing is lost", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted; start the same command again to go on", file=sys.stderr)
        sys.exit(130)
