"""Tests of flows/limit.py, in a process of its own, which ends before Prefect's server does."""

import subprocess
import sys
from pathlib import Path

import pytest

from flows.server import prefect_server

CHECK = """
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate
from flows.limit import LIMIT, make_ready, one_training

def read():
    with get_client(sync_client=True) as client:
        found = client.read_global_concurrency_limit_by_name(LIMIT)
        return found.limit, found.active_slots

make_ready()
print(read())
with one_training():
    print(read())
print(read())
with get_client(sync_client=True) as client:
    client.update_global_concurrency_limit(LIMIT, GlobalConcurrencyLimitUpdate(limit=2, active_slots=2))
make_ready()
print(read())
"""


@pytest.mark.e2e
def test_one_place_is_held_and_a_killed_runs_place_is_freed(project: Path) -> None:
    """The limit is one place, taken for the block; what a user has set stays, what a killed run has left does not."""
    with prefect_server():
        done = subprocess.run([sys.executable, "-c", CHECK], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["(1, 0)", "(1, 1)", "(1, 0)", "(2, 0)"], done.stderr
