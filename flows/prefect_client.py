"""Calls to Prefect's server: whether it answers, patience while it does not, the limit of one training at a time."""

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import TypeVar

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas import filters
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate, GlobalConcurrencyLimitUpdate
from prefect.client.schemas.objects import StateType
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectNotFound
from prefect.runtime import flow_run
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from prefect.states import Crashed

from flows.server import is_of_this_checkout
from pipeline.errors import StageError
from pipeline.secrets import without_secrets

TIMEOUT = httpx.Timeout(5.0, connect=1.5)  # seconds; connecting is tried four times
LIMIT = "train"
"""Name of the limit; `prefect gcl update train --limit 2` lets a server with two machines train on both."""
LEASE_S = 60
"""Seconds after which the place of a killed run is free again."""
PATIENCE_S = 600.0
"""A server that is started again, or has a new version, is away for minutes."""
PAUSE_S = 2.0
Answer = TypeVar("Answer")
logging.getLogger("websockets.client").setLevel(logging.CRITICAL)  # a traceback for each connection that breaks off


def check_address(address: str) -> None:
    """Checks that Prefect answers at the address in PREFECT_API_URL and accepts our key.

    Raises:
        StageError: there is no answer in time, the server is not Prefect of this version, or it refuses the key.
    """
    try:
        with (
            temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}),
            get_client(httpx_settings={"timeout": TIMEOUT}, sync_client=True) as client,
        ):
            client.read_flows(limit=1)
    except Exception as err:
        raise StageError(
            f"Prefect's server at {without_secrets(address)} fails: {_reason(err)}; correct PREFECT_API_URL, which "
            "ends in /api, or PREFECT_API_AUTH_STRING, start that server, or unset PREFECT_API_URL to do with our own"
        ) from err


def _reason(err: BaseException) -> str:
    """The first line of the first cause."""
    while err.__cause__ and not isinstance(err, httpx.HTTPError):
        err = err.__cause__
    return without_secrets(str(err).partition("\n")[0]) or type(err).__name__


def patiently(call: Callable[[], Answer]) -> Answer:
    """Repeats a call of Prefect's until the server can be reached; Prefect's client does so only if it once was.

    Raises:
        StageError: the server could not be reached within `PATIENCE_S`.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return call()
        except httpx.TransportError as err:
            if time.monotonic() > deadline:
                raise StageError(
                    f"Prefect's server could not be reached for {PATIENCE_S:g} s: {_reason(err)}; start it and run "
                    "again, what was finished is kept"
                ) from err
            time.sleep(PAUSE_S)


@contextmanager
def one_training() -> Iterator[None]:
    """Holds a place in the limit for as long as the block lasts; waits for one if none is free.

    If the server cannot be reached at the end, the place is free after `LEASE_S`.
    """
    place = patiently(_take_place)
    try:
        yield
    finally:
        with suppress(httpx.TransportError):
            place.__exit__(None, None, None)


def _take_place() -> AbstractContextManager[None]:
    place = concurrency(LIMIT, lease_duration=LEASE_S, strict=True, raise_on_lease_renewal_failure=False)
    place.__enter__()
    return place


def make_ready() -> None:
    """Makes the limit if it is missing; on a server of this checkout alone, ends the records of killed runs.

    The caller holds the lock of this checkout, so no other run of it is alive.
    """
    with get_client(sync_client=True) as client:
        try:
            client.read_global_concurrency_limit_by_name(LIMIT)
        except ObjectNotFound:
            client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=LIMIT, limit=1))
        if is_of_this_checkout(os.environ.get("PREFECT_API_URL", "")):
            client.update_global_concurrency_limit(LIMIT, GlobalConcurrencyLimitUpdate(active_slots=0))
            _mark_killed_runs(client)


def _mark_killed_runs(client: SyncPrefectClient) -> None:
    of_flow = filters.FlowFilter(name=filters.FlowFilterName(any_=["retrain", "scheduled"]))
    running = filters.FlowRunFilterState(type=filters.FlowRunFilterStateType(any_=[StateType.RUNNING]))
    for run in client.read_flow_runs(flow_filter=of_flow, flow_run_filter=filters.FlowRunFilter(state=running)):
        if str(run.id) != flow_run.id:
            client.set_flow_run_state(run.id, Crashed(message="the process of this run was killed"), force=True)
