"""Tests of flows/doctor/project.py; its faults are tested with the whole in test_examination.py."""

import shutil
from pathlib import Path

import pytest

from flows.doctor.project import BY_COMMANDS, look_at_cache, look_at_data, look_at_git, look_at_work
from pipeline.errors import DataError
from pipeline.repository.checkout import CLONE
from pipeline.runtime.locks import only_one
from pipeline.steps import crossval, diff, import_

pytestmark = pytest.mark.services


def test_outputs_of_a_run_are_not_judged(finished: Path) -> None:
    """While a run is at work its outputs are no faults; before and after they are."""
    Path("work/new").write_text("x")
    with only_one("run"):
        assert not list(look_at_work())
    assert [one.place for one in look_at_work()] == ["work/new"]
    assert [one.todo for look in (look_at_git, look_at_data, look_at_cache) for one in look()] == ["", "", ""]


def test_what_commands_write_is_no_fault(finished: Path) -> None:
    """The pictures of an import and of a comparison of data belong to no stage."""
    for step in (import_, diff, crossval):
        shutil.copytree("work/gate", f"work/{step.__name__.rpartition('.')[2].rstrip('_')}")
    assert not list(look_at_work())
    assert {import_.IMPORT, diff.DIFF, crossval.OUT} == set(BY_COMMANDS)


def test_data_that_a_schedule_brings_are_no_fault(finished: Path) -> None:
    """A version that is not fetched is one, until a scheduled run has its own data."""
    shutil.rmtree("data")
    with pytest.raises(DataError, match="dvc pull"):
        list(look_at_data())
    (CLONE / "data").mkdir(parents=True)
    assert [one.todo for one in look_at_data()] == [""]
    shutil.rmtree(CLONE)
    Path("data.dvc").unlink()
    assert [one.todo for one in look_at_data()] == [""]
