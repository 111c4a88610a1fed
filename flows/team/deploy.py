"""Hands the flows to the workers of a team's Prefect server: work pools, deployments, and automations that watch runs.

All are found by their names, so that the same call again changes what differs and doubles nothing.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

from prefect import Flow
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate, WorkPoolCreate
from prefect.client.schemas.schedules import CronSchedule
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import ObjectAlreadyExists
from prefect.utilities.callables import parameter_schema
from prefect.workers.process import ProcessWorker

from flows.prefect_client import check_address
from flows.retrain import PROMOTED, REJECTED
from flows.scheduled import scheduled
from flows.server import RETRIES, where_pages_are
from flows.team.publish import publish
from flows.team.search import search
from pipeline.errors import ParamsError

GPU, LIGHT = "gpu", "light"
"""Work pools: of workers that train, and of others."""
NAME = "team"
PUBLISH_CRON = "*/10 * * * *"
PROJECT = "{{ $SEGLINE_PROJECT }}"
"""The worker's own checkout; filled in by the worker."""
HEARTBEAT_S, SILENCE_S = 30, 90
CRASHED = "segline: a run whose process was killed is crashed"
NOTIFY = "segline: promotions and failed runs are reported"
WEBHOOK = "SEGLINE_NOTIFY_URL"
FAILURES = ("Failed", "Crashed", "TimedOut")
BLOCK = "segline-notify"
Related = Mapping[str, list[str]]
"""Which runs an automation looks at: those of deployments."""
BODY = "{{ flow.name }} {{ flow_run.name }}: {{ flow_run.state.name }}. {{ flow_run.state.message }}"


def deploy(cron: str, timezone: str, parameters: Mapping[str, Any]) -> None:
    """Deploys the flows `scheduled`, `search` and `publish` to the server in PREFECT_API_URL; see `segline.schedule`.

    Raises:
        ParamsError: PREFECT_API_URL names no server.
        StageError: the server does not answer or refuses.
    """
    address = os.environ.get("PREFECT_API_URL")
    if not address:
        raise ParamsError(
            "--deploy needs a team's Prefect server; set PREFECT_API_URL to its address, which ends in /api"
        )
    check_address(address)
    with get_client(sync_client=True) as client:
        for pool in (GPU, LIGHT):
            _make_pool(client, pool)
        deployments = (
            _deploy(client, scheduled, GPU, CronSchedule(cron=cron, timezone=timezone), parameters),
            _deploy(client, search, GPU, None, {}),
            _deploy(client, publish, LIGHT, CronSchedule(cron=PUBLISH_CRON), {}),
        )
        ours = {"prefect.resource.id": [f"prefect.deployment.{deployment}" for deployment in deployments]}
        _automate(client, _crashed(ours))
        if url := os.environ.get(WEBHOOK):
            _automate(client, _notified(ours, url))
        else:
            _remove(client, NOTIFY)
    what = f"scheduled/{NAME} ({cron!r}, {timezone}) and search/{NAME} for the pool {GPU}, publish/{NAME} for {LIGHT}"
    print(f"deployed {what}; Prefect shows them at {where_pages_are(address)}")


def _make_pool(client: SyncPrefectClient, name: str) -> None:
    template = ProcessWorker.get_default_base_job_template()
    with suppress(ObjectAlreadyExists):  # it stays as it is; who runs the server may have changed it
        client.create_work_pool(WorkPoolCreate(name=name, type=ProcessWorker.type, base_job_template=template))


def _deploy(
    client: SyncPrefectClient,
    flow: Flow[..., Any],
    pool: str,
    schedule: CronSchedule | None,
    parameters: Mapping[str, Any],
) -> UUID:
    """One run at a time if it has a schedule; else each worker may run it."""
    return client.create_deployment(
        client.create_flow(flow),
        NAME,
        description=(flow.description or "").partition("\n")[0],
        entrypoint=f"{flow.fn.__module__}.{flow.fn.__name__}",
        pull_steps=[{"prefect.deployments.steps.set_working_directory": {"directory": PROJECT}}],
        work_pool_name=pool,
        job_variables={"env": {**RETRIES, "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_S)}},
        concurrency_limit=1 if schedule else None,
        schedules=[DeploymentScheduleCreate(schedule=schedule, active=True)] if schedule else [],
        parameters=dict(parameters),
        parameter_openapi_schema=parameter_schema(flow).model_dump(),
    )


def _crashed(ours: Related) -> AutomationCore:
    """A run that was begun and is silent is crashed: its process was killed, or its worker before there was one."""
    message = "the process of this run was killed, or cannot reach this server"
    return AutomationCore.model_validate(
        {
            "name": CRASHED,
            "trigger": {
                "type": "event",
                "posture": "Proactive",
                "after": [f"prefect.flow-run.{event}" for event in ("Pending", "Running", "heartbeat")],
                "expect": ["prefect.flow-run.*"],
                "within": SILENCE_S,
                "for_each": ["prefect.resource.id"],
                "match_related": ours,
            },
            "actions": [{"type": "change-flow-run-state", "state": "CRASHED", "message": message}],
        }
    )


def _notified(ours: Related, url: str) -> AutomationCore:
    """A run that failed, crashed, was rejected or promoted its model is sent to a webhook, as `{"text": ...}`.

    The address is a secret of the block: the server neither shows it nor logs it with a failed request.
    """
    content = {
        "name": "segline",
        "url": "{{url}}",
        "secrets": {"url": url},
        "json_data": {"text": "{{subject}}\n{{body}}"},
    }
    block = CustomWebhookNotificationBlock.model_validate(content).save(BLOCK, overwrite=True)
    return AutomationCore.model_validate(
        {
            "name": NOTIFY,
            "trigger": {
                "type": "event",
                "posture": "Reactive",
                "expect": [f"prefect.flow-run.{state}" for state in (*FAILURES, REJECTED, PROMOTED)],
                "for_each": ["prefect.resource.id"],
                "match_related": ours,
            },
            "actions": [
                {"type": "send-notification", "block_document_id": str(block), "subject": "segline", "body": BODY}
            ],
        }
    )


def _automate(client: SyncPrefectClient, automation: AutomationCore) -> None:
    found = client.read_automations_by_name(automation.name)
    if found:
        client.update_automation(found[0].id, automation)
    else:
        client.create_automation(automation)


def _remove(client: SyncPrefectClient, name: str) -> None:
    for automation in client.read_automations_by_name(name):
        client.delete_automation(automation.id)
