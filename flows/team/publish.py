"""The flow `publish`: publishes the champion where SEGLINE_PUBLISH says, on the worker of the pool `light`."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.failure import failed
from flows.retrain import run_step
from flows.scheduled import SKIPPED
from pipeline.registry.client import CHAMPION, find_alias

HOUR_S = 3600.0


@flow
def publish(timeout_s: float = HOUR_S) -> State[Any]:
    """Publishes the champion if it is not published yet, or if a file of its publication is missing or damaged.

    Args:
        timeout_s: seconds after which it is stopped.
    """
    try:
        if find_alias(CHAMPION) is None:
            return Completed(name=SKIPPED, message="there is no champion yet")
        run_step("publish", ("publish",), timeout_s)
    except Exception as err:  # Prefect would store its text
        return failed(err)
    return Completed(message="the champion is published")
