"""How a flow or task ends after an error: Prefect would store the text of an exception as it is, secrets included."""

import traceback
from typing import Any

from prefect import get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Failed

from pipeline.errors import SeglineError
from pipeline.secrets import without_secrets


def failed(err: Exception) -> State[Any]:
    """The state after an error; the traceback of an unforeseen one goes to the log."""
    if isinstance(err, SeglineError):
        return Failed(message=str(err))
    get_run_logger().error(without_secrets("".join(traceback.format_exception(err))))
    return Failed(message=without_secrets(f"{type(err).__name__}: {err}"))
