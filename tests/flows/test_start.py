"""Tests of flows/start.py."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.start import BASE_BYTES, check_disk, check_start, check_test_labels
from pipeline.dataset.versions import add_data
from pipeline.disk.files import remove
from pipeline.errors import DataError, SeglineError, StageError
from pipeline.registry.client import create_entry, list_versions, set_alias
from tests.changes.two_versions import commit_data, relabel
from tests.finished_project import use_registry
from tests.flows.tiny_flow import write_tiny_flow


@pytest.fixture(autouse=True)
def _tiny(project: Path) -> None:
    write_tiny_flow(project)


def write(path: str, text: str) -> Callable[[], Any]:
    """Writes a file, when called."""
    return lambda: Path(path).write_text(text)


def leave_only_the_version() -> None:
    """Makes a clone's state before `dvc pull`."""
    shutil.rmtree("data")
    Path("data.dvc").touch()


def test_a_committed_project_with_data_may_start() -> None:
    """Where nothing is missing, nothing is said."""
    check_start()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (write("params.yaml", "{}"), "`train` is missing"),
        (write("dvc.yaml", "stages: {}"), "found no `stages`"),
        (lambda: shutil.rmtree("data"), "^data: not found; bring data in with `segline import`$"),
        (leave_only_the_version, "fetch the version in data.dvc with `dvc pull`, or"),
        (write("dvc.yaml", "stages: {train: {cmd: b}}"), "code is not committed: dvc.yaml; .* run `dvc repro`"),
        (lambda: shutil.rmtree(".git/refs"), "git repository"),
    ],
)
def test_what_would_fail_later_is_reported_at_once(
    spoil: Callable[[], Any], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Params, stages, data and code are looked at before anything runs."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(Path.cwd().parent))
    spoil()
    with pytest.raises(SeglineError, match=says):
        check_start()


def test_a_wrong_interval_of_checkpoints_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the stages that come before the training."""
    monkeypatch.setenv("SEGLINE_CHECKPOINT_MINUTES", "often")
    with pytest.raises(SeglineError, match="SEGLINE_CHECKPOINT_MINUTES is 'often', expected minutes"):
        check_start()


def test_a_disk_that_is_nearly_full_is_reported(tmp_path: Path) -> None:
    """A run that would take more than is free is refused with both numbers."""
    free = shutil.disk_usage(".").free
    with Path("data/images/large").open("wb") as file:
        file.truncate(free)  # takes no place on the disk
    with pytest.raises(StageError, match=r"\d+ MB are free on this disk, a run writes some \d+ MB; free some space"):
        check_disk()
    assert free > BASE_BYTES


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("no_such_engine", "KERAS_BACKEND is 'no_such_engine', expected tensorflow or jax; correct it or unset it"),
        ("jax", "KERAS_BACKEND is 'jax', which is not installed; `uv pip install jax`, or unset it"),
    ],
)
def test_an_engine_that_cannot_train_is_reported(name: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of a traceback of the stage `train`."""
    monkeypatch.setenv("KERAS_BACKEND", name)
    monkeypatch.setattr("flows.start.find_spec", lambda _: None)  # also where JAX is installed
    with pytest.raises(SeglineError, match=says):
        check_start()


@pytest.mark.services
def test_a_relabelled_frozen_test_split_is_refused_until_it_is_accepted(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is compared with the data of a champion, if there is one; params.yaml accepts one version only."""
    use_registry(tmp_path, monkeypatch)
    create_entry("segline", "nowhere", {"data_md5": commit_data(project)}, "", "")
    relabel("s006")
    add_data()
    assert not check_test_labels()
    set_alias("champion", list_versions()[0])
    table = Path("data/samples.csv")
    table.write_text(table.read_text().replace("s008,test", "s008,train"))
    md5 = add_data()
    with pytest.raises(
        DataError, match=r"segline/1: 1 relabelled \(s006\), 1 not in it any more \(s008\)\. "
    ) as caught:
        check_test_labels()
    line = f'accepted_test: "{md5[:12]}"'
    assert line in str(caught.value)
    params = Path("params.yaml")
    params.write_text(params.read_text().replace('accepted_test: ""', line))
    assert not check_test_labels()
    relabel("s007")
    add_data()
    with pytest.raises(DataError, match=r"2 relabelled \(s006, s007\)"):
        check_test_labels()


@pytest.mark.services
def test_other_changes_of_the_data_may_be_run(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels of other splits, new samples; a champion whose data are not in DVC's cache is named."""
    use_registry(tmp_path, monkeypatch)
    create_entry("segline", "nowhere", {"data_md5": commit_data(project)}, "", "")
    set_alias("champion", list_versions()[0])
    relabel("s000")
    add_data()
    assert not check_test_labels()
    remove(Path(".dvc/cache"))
    add_data()
    assert "split is still that of segline/1 is not known: DVC's cache does not hold the list" in check_test_labels()
