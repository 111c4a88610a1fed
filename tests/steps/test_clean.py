"""Tests of pipeline/steps/clean.py."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import segline
from flows.server import prefect_server
from pipeline.errors import RejectedError
from pipeline.retention.place import Entry, Place, size_of
from pipeline.runtime.locks import only_one
from pipeline.steps.clean import Cleaning, build_table, show
from tests.flows.tiny_flow import run_module, write_tiny_flow
from tests.retention.aged_project import (
    check_out,
    git,
    make_outputs,
    read_files,
    register_lineage,
    write_aged_project,
    write_limits,
)

NUM_RETRAINS = 5
NUM_KILLS = 6
OUTPUTS = (".dvc/cache", "mlartifacts", "logs", "checkpoints", ".segline/models", ".segline/noise")


def test_what_goes_and_stays_is_shown_by_reason(capsys: pytest.CaptureFixture[str]) -> None:
    """Few things are named, many are counted; text from outside is no markup; a problem is the exit code 1."""
    entries = [Entry(f"[b]{number}", 1_000_000, "old", lambda: None) for number in range(3)]
    places = (
        Place("cache", (*entries, Entry("x", 5, "young"))),
        Place("runs", problem="nothing is removed: it is gone"),
    )
    columns = [list(column.cells) for column in build_table(Cleaning(places, is_done=False)).columns]
    assert [[str(cell) for cell in column] for column in columns] == [
        ["cache", "cache"],
        ["goes", "stays"],
        ["3.0", "0.0"],
        ["3", "x"],
        ["old", "young"],
    ]
    with pytest.raises(SystemExit) as end:
        show(Cleaning(places, is_done=False))
    out, err = capsys.readouterr()
    assert end.value.code == 1 and "would remove 3.0 MB; `segline clean --yes` does" in out
    assert err == "runs: nothing is removed: it is gone\n"
    show(Cleaning(places[:1], is_done=True))
    assert "removed 3.0 MB" in capsys.readouterr().out


@pytest.mark.services
def test_nothing_is_removed_while_a_run_is_under_way(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A dry run looks all the same, and says so."""
    write_aged_project(project, monkeypatch)
    checkpoint = Path("checkpoints/train-a.npz")
    checkpoint.parent.mkdir()
    checkpoint.write_text("x")
    with only_one("run"):
        dry = segline.clean()
        assert [entry.what for entry in dry.places[0].removals] == [str(checkpoint)]
        show(dry)
        assert capsys.readouterr().out.endswith("`segline clean --yes` does, after the run that is under way\n")
        with pytest.raises(segline.SeglineError, match=r"run\.lock: a run is under way; .* nothing was touched"):
            segline.clean(yes=True)
    assert checkpoint.exists()
    assert segline.clean(yes=True).num_bytes == 1 and not checkpoint.exists()


@pytest.mark.long
@pytest.mark.e2e
def test_a_kill_leaves_a_state_that_the_next_cleaning_completes(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed at whatever moment: a registered version and the files here are whole, and the rest goes next time."""
    write_aged_project(project, monkeypatch)
    make_outputs("registered")
    registered = read_files()
    register_lineage()
    for index in range(20):
        make_outputs(str(index))
    here = read_files()
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "segline", "clean"], check=True, stdout=subprocess.DEVNULL)
    takes_s = time.monotonic() - began
    for index in range(NUM_KILLS):
        command = [sys.executable, "-m", "segline", "clean", "--yes"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True) as child:
            time.sleep(takes_s * (0.6 + 0.08 * index))
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
        check_out(registered)
        check_out(here)
    assert not any(place.problem for place in segline.clean(yes=True).places)
    assert segline.clean().num_bytes == 0
    check_out(registered)


@pytest.mark.long
@pytest.mark.e2e
@pytest.mark.timeout(900)
def test_many_retrains_use_bounded_disk(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each run trains on new data and is rejected; what the last one leaves on the disk is what the third one left."""
    write_tiny_flow(project)
    write_limits(0)
    git("add", "--all")
    git("commit", "--quiet", "--message", "limits")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{project}/mlflow.db")
    sizes = []
    with prefect_server():
        for index in range(NUM_RETRAINS):
            (project / "data/images/a").unlink()
            (project / "data/images/a").write_text(f"{index:06}" * 1000)
            code, output = run_module("flows.run", "retrain", "{}")
            assert code == RejectedError.exit_code, output
            assert not any(place.problem for place in segline.clean(yes=True).places)
            sizes.append(sum(size_of(project / name) for name in OUTPUTS if (project / name).exists()))
    assert max(sizes[3:]) <= 1.05 * sizes[2] and sizes[2] > 6000, sizes
