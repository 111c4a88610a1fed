"""Tests of rolling a promotion back."""

from pathlib import Path

import pytest

from pipeline.errors import RegistryError
from pipeline.registration import create_version
from pipeline.registry import Version, create_run, find_alias, list_versions, opened, set_alias
from pipeline.steps import rollback as step
from pipeline.steps.rollback import rollback
from tests.finished_project import tiny_model, use_registry


@pytest.fixture
def versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Version]:
    """Two registered versions without an alias."""
    monkeypatch.chdir(tmp_path)
    use_registry(tmp_path, monkeypatch)
    with opened() as (_, client):
        run_id = create_run(client)
    return [create_version(run_id, tiny_model(0), "", {}) for _ in range(2)]


def test_rollback_undoes_and_is_undone(versions: list[Version], capsys: pytest.CaptureFixture[str]) -> None:
    """The previous champion is champion again; a second rollback restores what was before the first."""
    set_alias("previous", versions[0])
    set_alias("champion", versions[1])
    assert rollback().number == 1
    assert capsys.readouterr().out == "segline/1 is champion again, segline/2 is previous\n"
    assert [version.aliases for version in list_versions()] == [("champion",), ("previous",)]
    step.main()
    assert [version.aliases for version in list_versions()] == [("previous",), ("champion",)]


def test_nothing_to_roll_back_to(versions: list[Version]) -> None:
    """Without a champion, and without another one before it, nothing moves."""
    with pytest.raises(RegistryError, match="there is no champion to roll back"):
        rollback()
    set_alias("champion", versions[0])
    for previous in (None, versions[0]):
        if previous:
            set_alias("previous", previous)
        with pytest.raises(RegistryError, match="segline/1 is champion and no version was before it"):
            rollback()
    assert find_alias("champion") == list_versions()[0]
