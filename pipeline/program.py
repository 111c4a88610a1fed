"""How each program of ours starts and ends."""

import sys
from collections.abc import Callable

from pipeline.errors import SeglineError


def run(main: Callable[[], None]) -> None:
    """Runs a program; what a user can mend ends as a message on stderr and exit code 1, without a traceback."""
    try:
        main()
    except SeglineError as err:
        print(f"error: {err}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted; start the same command again to go on", file=sys.stderr)
        sys.exit(130)
