"""Tests of flows/team/publish.py; tests/e2e/test_team.py runs it on a worker."""

from pathlib import Path

import pytest

from flows.team.publish import publish
from tests.finished_project import use_registry


@pytest.mark.services
def test_without_a_champion_nothing_is_published(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run before the first promotion is skipped, not failed."""
    use_registry(project, monkeypatch)
    state = publish.fn()
    assert state.is_completed() and (state.name, state.message) == ("Skipped", "there is no champion yet")
