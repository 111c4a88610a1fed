"""One training at a time on one Prefect server, by a concurrency limit."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate, GlobalConcurrencyLimitUpdate
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectNotFound
from prefect.runtime import flow_run
from prefect.states import Crashed

from flows.server import is_of_this_checkout

LIMIT = "train"
"""Name of the limit; `prefect gcl update train --limit 2` lets a server with two machines train on both."""
LEASE_S = 60
"""Seconds after which the place of a killed run is free again."""


@contextmanager
def one_training() -> Iterator[None]:
    """Holds a place in the limit for as long as the block lasts; waits for one where there is none."""
    with concurrency(LIMIT, lease_duration=LEASE_S, strict=True, raise_on_lease_renewal_failure=False):
        yield


def make_ready() -> None:
    """Makes the limit where it is missing; on a server of this checkout alone, clears up after runs that were killed.

    The caller holds the lock of this checkout, so that no other run of it is alive.
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
    running = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.RUNNING]))
    runs = client.read_flow_runs(
        flow_filter=FlowFilter(name=FlowFilterName(any_=["retrain"])), flow_run_filter=FlowRunFilter(state=running)
    )
    for run in runs:
        if str(run.id) != flow_run.id:
            client.set_flow_run_state(run.id, Crashed(message="the process of this run was killed"), force=True)
