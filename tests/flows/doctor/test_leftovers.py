"""Tests of flows/doctor/leftovers.py: what `--fix` repairs, and what it leaves alone."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from flows.doctor.examination import examine
from flows.doctor.finding import Finding
from flows.doctor.leftovers import SETTLED_S, look_at_locks, look_for_leftovers
from flows.live_run import OPEN_RUN, open_live_run
from flows.server import KEY
from pipeline.registry.connection import opened
from pipeline.repository.checkout import CLONE
from pipeline.runtime.locks import held, only_one
from tests.processes import is_alive

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("finished")]


def write(path: str, text: str = "x", age_s: float = 2 * SETTLED_S) -> Path:
    """Writes a file that was last changed some time ago."""
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    os.utime(file, (file.stat().st_mtime - age_s,) * 2)
    return file


def find(place: str) -> list[Finding]:
    """What is left over of a kind."""
    return [finding for finding in look_for_leftovers() if finding.place == place]


def fix(place: str) -> list[str]:
    """What `--fix` did."""
    return [finding.done for finding in examine(fix=True) if finding.place == place and finding.repair]


def test_half_written_files_are_removed_once_they_are_settled() -> None:
    """A part that may be of a living import stays; an old one goes, also in the clone."""
    subprocess.run(["git", "clone", "--quiet", ".", CLONE], check=True)
    paths = ("work/train/.a b.part", ".segline/models/tmpx", f"{CLONE}/checkpoints/train-c/.newest.ckpt.part")
    old = [write(path) for path in paths]
    young = write(".data.part/images/a", age_s=0)
    done = fix("leftovers")
    assert "1 may still be written, they stay" in done[0]
    assert not any(path.exists() for path in old) and young.exists()


def test_checkpoints_are_counted_by_their_training() -> None:
    """Two of one training and one of another are two trainings; each is one folder to remove."""
    for path in ("train-a/newest.ckpt", "train-a/older.ckpt", "train-b/newest.ckpt"):
        write(f"checkpoints/{path}")
    (finding,) = find("checkpoints")
    assert finding.state == "2 of stopped trainings"
    assert "`rm -rf checkpoints/train-a checkpoints/train-b`" in finding.todo


def test_the_last_copy_is_never_removed() -> None:
    """A program was killed between two renames: the former output stays, and the new one beside it."""
    former, new = write(".data2.old/a"), write(".data2.part/a")
    (finding,) = find("leftovers")
    assert (
        finding.state == "data2 is missing, its former content is .data2.old"
        and "`mv .data2.old data2`" in finding.todo
    )
    assert finding.repair is None
    examine(fix=True)
    assert former.exists() and new.exists()


def test_nothing_is_repaired_while_a_run_is_under_way() -> None:
    """Its unfinished files are its own; the same holds for the clone of scheduled runs."""
    path = write("work/.file.part")
    with only_one("run"):
        examine(fix=True)
        assert [one.place for one in look_at_locks()] == ["at work"]
    assert path.exists()
    subprocess.run(["git", "clone", "--quiet", ".", CLONE], check=True)
    write(f"{CLONE}/work/.file.part")
    with held(CLONE / ".segline/run.lock", AssertionError()):  # type: ignore[arg-type]
        assert fix("leftovers") == ["removed work/.file.part"]
    assert (CLONE / "work/.file.part").exists()


def test_an_open_run_of_a_killed_process_is_ended() -> None:
    """In MLflow it is no longer running; its metrics stay."""
    run_id = open_live_run()["MLFLOW_RUN_ID"]
    with opened() as (_, client):
        client.log_metric(run_id, "loss", 1.0)
    assert fix("MLflow") == ["ended it"] and not OPEN_RUN.exists()
    with opened() as (_, client):
        assert client.get_run(run_id).info.status == "FAILED"


def test_an_open_run_stays_known_if_mlflow_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next `--fix` can end it."""
    write(str(OPEN_RUN), "0" * 32)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    todos = [one.todo for one in examine(fix=True) if one.repair]
    assert len(todos) == 1 and todos[0].startswith("not repaired: MLflow at http://127.0.0.1:9 fails")
    assert OPEN_RUN.exists()


SERVER = [sys.executable, "-c", "input()", "prefect", "server", "start"]


def guarded(command: list[str]) -> list[str]:
    """The command as a process that starts Prefect's server runs it."""
    return [sys.executable, "-m", "pipeline.runtime.guard", str(os.getpid()), *command]


def wait_for_server(parent: subprocess.Popen[bytes]) -> None:
    """Waits until a guard has started the server."""
    while not psutil.Process(parent.pid).children():
        assert parent.poll() is None


def test_a_server_that_is_left_over_is_ended_with_its_key() -> None:
    """It is shown with its number, and its key is not a half-written file."""
    key = write(str(KEY))
    with subprocess.Popen(SERVER, stdin=subprocess.PIPE) as child:
        (finding,) = find("Prefect")
        assert finding.todo == f"`kill {child.pid}`" and not find("leftovers")
        assert fix("Prefect") == [f"ended process {child.pid}"]
        child.wait(5)
        assert not is_alive(child.pid)
    assert fix("Prefect") == [f"removed {KEY}"] and not key.exists()


def test_a_server_that_a_command_waits_for_is_left_alone() -> None:
    """Its guard lives, so server and key are in use."""
    key = write(str(KEY))
    slow = [sys.executable, "-c", "import time; time.sleep(60)", "prefect", "server", "start"]
    with subprocess.Popen(guarded(slow), start_new_session=True) as guard:
        wait_for_server(guard)
        assert not find("Prefect")
        psutil.Process(guard.pid).children()[0].kill()
    assert key.exists()
