"""Tests of flows/team/deploy.py; tests/e2e/test_team.py deploys to a server."""

import pytest

from flows.team.deploy import deploy
from pipeline.errors import ParamsError


def test_deploying_needs_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefect's own server ends with the command, so that nothing could be handed to it."""
    monkeypatch.setenv("PREFECT_API_URL", "")
    with pytest.raises(ParamsError, match="--deploy needs a team's Prefect server; set PREFECT_API_URL"):
        deploy("0 3 * * 1", "UTC", {})
