"""Start and end of each program of segline."""

import io
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

from pipeline.disk.files import FULL, is_full, write_json
from pipeline.disk.records import nan_as_null
from pipeline.errors import SeglineError
from pipeline.runtime.stages import MARKER, WORK, unchanged_inputs
from pipeline.secrets import without_secrets

UNFORESEEN = 70
"""Exit code after an unforeseen exception, as in BSD's sysexits."""
STOPPED = "start the same command again to go on; a training continues after its last checkpoint"


class Terminated(BaseException):
    """SIGTERM has come."""


def run_stage(stage: str, main: Callable[[], Mapping[str, Any]]) -> None:
    """Runs the program of a stage as `run` does, writes the stage's marker last, and records the cost.

    A stage that fails, or whose inputs change in the meantime, leaves no marker. `main` returns the content of the
    marker, without times, so that equal outputs have equal markers; nan is written as null.
    """
    from pipeline.runtime.cost import cost_recorded  # pydantic takes a while to import, and commands do without it

    marker = WORK / stage / MARKER

    def write_outputs() -> None:
        marker.unlink(missing_ok=True)
        with cost_recorded(stage):
            with unchanged_inputs(stage):
                summary = main()
            write_json(marker, nan_as_null(summary))

    run(write_outputs, is_logged=True)


def run(main: Callable[[], None], is_logged: bool = False) -> None:
    """Runs a program; an error is shown as a sentence without a traceback.

    A `SeglineError` ends the program with its exit code, Ctrl-C with 130, SIGTERM with 143, a closed output pipe with
    141. An unforeseen exception ends it with 70; its traceback is kept in a file, and printed as well if the output
    `is_logged`, so that it can be read elsewhere.
    """
    _print_any_text()
    try:
        with _terminable():
            main()
            if sys.stdout:
                sys.stdout.flush()
    except SeglineError as err:
        _end(f"error: {err}", err.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes the rest at its end
        sys.exit(128 + signal.SIGPIPE)
    except OSError as err:
        _end(f"error: {_explain(err)}", 1)
    except KeyboardInterrupt:
        _end(f"interrupted; {STOPPED}", 130)
    except Terminated:
        _end(f"terminated; {STOPPED}", 143)
    except Exception as err:  # unforeseen; the traceback is kept
        if is_logged:
            print(_traceback(), file=sys.stderr, end="")
        _end(
            f"error: {type(err).__name__}: {' '.join(str(err).split())}; this is a mistake of segline's own or of a "
            f"library's, not yours. {_keep_traceback()}; please report it",
            UNFORESEEN,
        )


def _print_any_text() -> None:
    """Characters that the terminal's encoding lacks are printed as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends the block as Ctrl-C does: children are ended and files are left whole."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _terminate(*_: Any) -> NoReturn:
    raise Terminated


def _explain(err: OSError) -> str:
    if is_full(err):
        return f"{FULL} ({err}); free some space and run the same command again, nothing is lost"
    return f"{err}; fix that and run the same command again, nothing is lost. {_keep_traceback()}"


def _keep_traceback() -> str:
    """Writes the current traceback to a file, or to stderr if that fails; returns a sentence with the place."""
    try:
        with tempfile.NamedTemporaryFile("w", prefix="segline-", suffix=".log", delete=False, errors="replace") as file:
            file.write(_traceback())
        return f"The details are in {file.name}"
    except OSError:
        print(_traceback(), file=sys.stderr, end="")
        return "The details are above"


def _traceback() -> str:
    return without_secrets(traceback.format_exc())


def _end(message: str, code: int) -> NoReturn:
    with suppress(OSError):  # stderr is closed
        print(without_secrets(message), file=sys.stderr, flush=True)
    sys.exit(code)
