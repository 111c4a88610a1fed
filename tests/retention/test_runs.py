"""Tests of pipeline/retention/runs.py, on a real registry."""

import time
from pathlib import Path

import pytest

import segline
from pipeline.registry.client import list_versions
from pipeline.registry.connection import opened
from pipeline.registry.old_runs import list_runs
from pipeline.registry.runs import create_run
from pipeline.retention.place import DAY_S
from pipeline.retention.runs import list_old_runs
from tests.contest import FREE, ROAD, SKY, register, write_contest

pytestmark = pytest.mark.e2e


def end_run(*files: str) -> str:
    """A run without a version that is ended, with some files."""
    run_id = create_run()
    with opened() as (_, client):
        for file in files:
            client.log_text(run_id, "x" * 100, file)
        client.set_terminated(run_id, "FAILED")
    return run_id


def test_runs_of_no_version_go_and_models_load_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Champion, former champion and ledger are as before; the files of the run that goes are gone."""
    write_contest(tmp_path, monkeypatch, **FREE)
    Path("dvc.yaml").write_text("stages: {}\n")
    register(SKY)
    assert segline.promote().promoted
    register(ROAD)
    assert segline.promote().promoted
    gone, still_open = end_run("report/a.html"), create_run()
    lines = segline.history().lines
    for entry in list_old_runs(0, time.time()):
        if entry.remove:
            assert (entry.what, entry.num_bytes) == (gone, 100)
            entry.remove()
    assert not Path(f"mlartifacts/{gone}").exists()
    assert still_open in {run.id for run in list_runs()} and gone not in {run.id for run in list_runs()}
    assert segline.history().lines == lines and len(list_versions()) == 2
    assert segline.rollback().champion.number == 1
    assert segline.load("champion") and segline.load("segline/2")


def test_the_reasons_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of a version, an open one, a young one and an old one."""
    write_contest(tmp_path, monkeypatch, **FREE)
    register(SKY)
    end_run()
    create_run()
    with opened() as (_, client):
        for run in client.search_runs(["1"]):
            if run.info.status == "RUNNING" and list_versions()[0].run_id == run.info.run_id:
                client.set_terminated(run.info.run_id)
    assert sorted(entry.reason for entry in list_old_runs(1, time.time())) == [
        "open",
        "registered versions",
        "younger than 1 d",
    ]
    in_two_days = time.time() + 2 * DAY_S
    assert sorted(entry.reason for entry in list_old_runs(1, in_two_days) if entry.remove) == [
        "of no version, older than 1 d"
    ]
