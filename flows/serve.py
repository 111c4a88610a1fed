"""Serves the flow `scheduled` at the times of a schedule, with a worker in this process."""

import asyncio
import logging
import multiprocessing
import os
import warnings
from collections.abc import Mapping
from typing import Any, NoReturn

from prefect.client.schemas.schedules import CronSchedule
from prefect.schedules import Cron, Schedule
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings
from pydantic import ValidationError

from flows.scheduled import scheduled
from flows.server import prefect_server, where_pages_are
from pipeline.errors import ParamsError
from pipeline.runtime.locks import only_one
from pipeline.runtime.program import Terminated

END_TIMEOUT_S = 10


def check_schedule(cron: str, timezone: str) -> None:
    """Checks a schedule.

    Raises:
        ParamsError: cron line or time zone are wrong.
    """
    try:
        CronSchedule(cron=cron, timezone=timezone)
    except ValidationError as err:
        reason = err.errors()[0]["msg"].removeprefix("Value error, ")
        problem = f"--cron {cron!r} --timezone {timezone!r}: is not a schedule ({reason})"
        raise ParamsError(f"{problem}; expected such as '0 3 * * 1' and UTC") from err


def serve(cron: str, timezone: str, parameters: Mapping[str, Any]) -> NoReturn:
    """Runs the flow `scheduled` at the times of a schedule, one run at a time; see `segline.schedule`.

    Raises:
        StageError: another schedule is served here, or Prefect's server does not start.
        KeyboardInterrupt: Ctrl-C has stopped it, after which Prefect returns without an error.
        Terminated: SIGTERM has stopped it.
    """
    with only_one("schedule"), prefect_server() as address:
        print(f"Prefect shows the schedule at {where_pages_are(address)}; stop it with Ctrl-C", flush=True)
        _serve(Cron(cron, timezone=timezone), parameters)


def _serve(when: Schedule, parameters: Mapping[str, Any]) -> NoReturn:
    logging.getLogger("asyncio").addFilter(_is_no_cancellation)
    with temporary_settings(_server_settings()), warnings.catch_warnings():  # the server is younger than the import
        warnings.simplefilter("ignore", RuntimeWarning)  # a coroutine that Prefect does not await when it is stopped
        try:
            scheduled.serve(name="schedule", schedule=when, parameters=dict(parameters), limit=1)
        except SystemExit as end:
            raise Terminated from end
        finally:
            _end_runs()
    raise KeyboardInterrupt


def _is_no_cancellation(record: logging.LogRecord) -> bool:
    """Python 3.11 logs a traceback for a connection that Prefect cancels when it is stopped."""
    return not (record.exc_info and record.exc_info[0] is asyncio.CancelledError)


def _end_runs() -> None:
    """Ends the processes of runs that Prefect has left; Python would wait for them without end."""
    runs = multiprocessing.active_children()
    for run in runs:
        run.terminate()
    for run in runs:
        run.join(END_TIMEOUT_S)
        run.kill()


def _server_settings() -> dict[Any, str]:
    names = {"PREFECT_API_URL": PREFECT_API_URL, "PREFECT_API_AUTH_STRING": PREFECT_API_AUTH_STRING}
    return {setting: os.environ[name] for name, setting in names.items() if os.environ.get(name)}
