"""Tests of pipeline/retention/folders.py."""

import os
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from pipeline.registry.client import Version
from pipeline.retention import folders
from pipeline.retention.folders import (
    list_checkpoints,
    list_logs,
    list_models,
    list_reproductions,
    list_scans,
    list_seeds,
    list_studies,
)
from pipeline.retention.place import DAY_S, Entry

OLD, YOUNG = "old", "young"
MD5 = "0123456789abcdef" * 2


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder as the current one, and no registry."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(folders, "list_all_versions", lambda: [])


def write(path: str, age_d: float) -> None:
    """Writes a file of an age in days."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text("x")
    os.utime(path, (time.time() - age_d * DAY_S,) * 2)


def going(entries: Iterable[Entry]) -> list[str]:
    """The names of what goes, after its removal."""
    removals = [entry for entry in entries if entry.remove]
    for entry in removals:
        assert entry.remove
        entry.remove()
        assert not Path(entry.what).exists()
    return [entry.what for entry in removals]


def test_old_files_go_and_young_ones_stay() -> None:
    """Checkpoints, logs, seeds and reproductions, in project and clone; the lock of the trainings is not touched."""
    for at in (".", ".segline/runs"):
        write(f"{at}/checkpoints/train-old/newest.ckpt", 3)
        write(f"{at}/checkpoints/train-old/older.ckpt", 4)
        write(f"{at}/checkpoints/train-young/newest.ckpt", 1)
        write(f"{at}/checkpoints/train-young/older.ckpt", 9)
        write(f"{at}/checkpoints/lock", 9)
        write(f"{at}/logs/tensorboard/old/events", 3)
    write("logs/tensorboard/young/events", 1)
    write("logs/tensorboard/young/first", 9)
    write(".segline/noise/old/seed-1.json", 3)
    write(".segline/noise/young/seed-1.json", 1)
    write(".segline/tune/old/study.db", 3)
    write(".segline/tune/young/study.db", 1)
    write(".segline/crossval/old/fold-01/history.csv", 3)
    write(".segline/scans/old.notes", 3)
    write(".segline/scans/young.notes", 1)
    write(".segline/reproduce/old/dvc.lock", 3)
    write(".segline/reproduce/young/dvc.lock", 1)
    checkouts, now = [Path(), Path(".segline/runs")], time.time()
    ends = ["checkpoints/train-old", "logs/tensorboard/old"]
    assert going([*list_checkpoints(checkouts, 2, now), *list_logs(checkouts, 2, now)]) == sorted(
        (f"{prefix}{end}" for end in ends for prefix in (".segline/runs/", "")),
        key=lambda path: ("logs" in path, path),
    )
    assert going(list_scans(checkouts, 2, now)) == [".segline/scans/old.notes"]
    assert going(list_seeds(2, now)) == [".segline/noise/old"]
    assert going(list_studies(2, now)) == [".segline/crossval/old", ".segline/tune/old"]
    assert going(list_reproductions(2, now)) == [".segline/reproduce/old"]
    assert Path("checkpoints/lock").exists() and len(list(Path("checkpoints/train-young").iterdir())) == 2
    assert Path("logs/tensorboard/young/first").exists()


def test_the_model_of_an_alias_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """However old it is; other folders are not ours to remove."""
    write(f".segline/models/{MD5}/saved_model.pb", 9)
    write(f".segline/models/{MD5[::-1]}/saved_model.pb", 9)
    write(".segline/models/verified/x", 9)
    tags = {"model_md5": f"{MD5}.dir"}
    version = Version("segline", 3, "", ("champion",), tags, None)
    monkeypatch.setattr(folders, "list_all_versions", lambda: [version])
    entries = list(list_models(2, time.time()))
    assert [entry.reason for entry in entries if not entry.remove] == ["segline/3@champion"]
    assert going(entries) == [f".segline/models/{MD5[::-1]}"]
    assert Path(".segline/models/verified/x").exists()
