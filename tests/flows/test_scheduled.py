"""Tests of flows/scheduled.py, by way of the command: git, DVC, Prefect and an object store as a team has them."""

import os
import signal
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.server import prefect_server
from pipeline.repository.checkout import BRANCH
from pipeline.repository.git import git
from pipeline.vision.codec import encode_png
from tests.flows.tiny_flow import GATE, TRAIN, run_module, started
from tests.flows.tiny_team import save, write_team
from tests.processes import wait_for_end

pytestmark = pytest.mark.e2e

SOURCE = "folder s3://photos/images s3://photos/masks --classes classes.yaml"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Variables that name a Prefect server."""
    names = ("PREFECT_HOME", "PREFECT_API_URL", "PREFECT_API_AUTH_STRING")
    folder = tmp_path_factory.mktemp("prefect")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_HOME", str(folder))
        patch.delenv("PREFECT_API_URL", raising=False)
        with chdir(folder), prefect_server():
            yield {name: os.environ[name] for name in names}


@pytest.fixture
def team(project: Path, tmp_path: Path, server: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person's clone of a remote, with a DVC remote, as the current directory; the gate rejects."""
    for name, value in server.items():
        monkeypatch.setenv(name, value)
    write_team(project, tmp_path)
    return project


def tick(*words: str) -> tuple[int, str]:
    """A run of the schedule, now."""
    return run_module("segline.command", "schedule", "--now", *words)


def runs() -> list[str]:
    """Titles of the runs' commits on the remote, the newest first."""
    git("fetch", "--quiet")
    return git("log", "--format=%s", "--remotes=origin", "--not", "main").splitlines()


def test_a_run_is_saved_and_nothing_new_is_skipped(team: Path, tmp_path: Path) -> None:
    """Data, outputs and the commit are on the remotes; the person's clone is as it was; the next run does nothing."""
    (team / "params.yaml").write_text("a person is at work")
    (team / "data/images/a").write_text("a person's")
    code, output = tick()
    assert code == 3, output
    assert "note: scheduled runs do not see params.yaml; to have it run, commit and push it" in output
    assert len(runs()) == 1 and runs()[0].endswith("rejected, mean IoU 0.5000")
    locked = git("show", f"origin/{BRANCH}:dvc.lock")
    stored = {path.parent.name + path.name for path in (tmp_path / "store").rglob("*") if path.is_file()}
    md5s = [line.split()[-1] for line in locked.splitlines() if "md5:" in line and ".dir" in line]
    assert md5s and set(md5s) <= stored
    assert (team / "params.yaml").read_text() == "a person is at work" and not (team / "work/gate").exists()
    code, output = tick()
    assert (code, len(runs())) == (0, 1), output
    assert "skipped: no change since the last run, commit " in output and "Running stage" not in output


def test_a_pushed_change_is_run(team: Path) -> None:
    """What is committed but not pushed is not; a stage that does not depend on the change is not run again."""
    tick()
    params = (team / "params.yaml").read_text()
    (team / "params.yaml").write_text(params.replace("floors: {mean_iou: 0.7}", "floors: {mean_iou: 0.8}"))
    save("other gate")
    assert "skipped: no change" in tick()[1]
    git("push", "--quiet")
    code, output = tick()
    assert code == 3, output
    assert "new since the last run: params.yaml" in output
    assert "Stage 'train' didn't change" in output and "Running stage 'gate'" in output
    assert len(runs()) == 2


def test_a_run_that_could_not_register_is_done_again(team: Path) -> None:
    """Its commit is on the remote before; the next run trains nothing and registers what that one did not."""
    (team / "gate.py").write_text(GATE.replace("False, (low,)", "True, ()"))
    save("accepts what cannot be registered")
    git("push", "--quiet")
    code, output = tick()
    assert code == 1 and "error: register ended with exit code 1" in output, output
    code, output = tick()
    assert code == 1 and "error: register ended with exit code 1" in output, output
    assert "new since the last run: nothing, but that run did not come to its end" in output
    assert "Running stage" not in output and len(runs()) == 1


def test_a_remote_that_cannot_be_written_ends_the_run_at_once(team: Path, tmp_path: Path) -> None:
    """The data are pushed before the training, so that hours are not spent on what cannot be saved."""
    (tmp_path / "store").rmdir()
    (tmp_path / "store").write_text("in the way")
    code, output = tick()
    assert code == 1 and f"DVC failed: remote store at {tmp_path / 'store'}: " in output, output
    assert "Running stage" not in output and runs() == []


def test_new_labels_in_s3_are_imported(team: Path, s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is begun while objects still arrive; then the new data are versioned in the run's commit."""
    s3.create_bucket(Bucket="photos")
    put(s3, "a")
    code, output = tick("--source", SOURCE)
    assert (code, "skipped: an upload to folder s3://photos/images" in output) == (0, True), output
    monkeypatch.setenv("SEGLINE_SETTLE_S", "0")
    code, output = tick("--source", SOURCE)
    assert code == 3, output
    assert len(runs()) == 1
    first = git("show", f"origin/{BRANCH}:data.dvc")
    assert "skipped: no change" in tick("--source", SOURCE)[1]
    put(s3, "b")
    code, output = tick("--source", SOURCE)
    assert code == 3 and "new since the last run: the source folder s3://" in output, output
    assert len(runs()) == 2 and first != git("show", f"origin/{BRANCH}:data.dvc")
    s3.put_object(Bucket="photos", Key="images/c.png", Body=b"not a picture")
    code, output = tick("--source", SOURCE)
    assert code == 1 and "error: import ended with exit code 1" in output and "c.png" in output, output
    assert len(runs()) == 2


def put(s3: Any, name: str) -> None:
    """A labelled image arrives."""
    s3.put_object(Bucket="photos", Key=f"images/{name}.png", Body=encode_png(np.zeros((32, 32, 3), np.uint8)))
    s3.put_object(Bucket="photos", Key=f"masks/{name}.png", Body=encode_png(np.eye(32, dtype=np.uint8)))


def test_a_killed_run_is_begun_again_and_a_second_one_is_skipped(team: Path) -> None:
    """SIGKILL in the training leaves no commit, so the next run finds the same change; DVC has what ended."""
    (team / "train.py").write_text(TRAIN.replace("0.3", "8"))
    save("slow")
    git("push", "--quiet")
    with started("segline.command", "schedule", "--now") as killed:
        assert killed.stdout
        line = next(line for line in killed.stdout if "epoch 1/3 of process" in line)
        code, output = tick()
        assert (code, "skipped: another scheduled run is under way" in output) == (0, True), output
        os.kill(killed.pid, signal.SIGKILL)
        wait_for_end(int(line.split("process ")[1].split()[0]))
    assert runs() == []
    code, output = tick()
    assert code == 3, output
    assert "Stage 'validate' is cached" in output and len(runs()) == 1
    assert f"report:      {team / '.segline/runs/work/report.html'}" in output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--branch", "nobody"), "has no branch 'nobody'; push it, or name another one"),
        (("--source", "folder 's3://photos"), "No closing quotation; expected the words after `segline import`"),
        (("--source", "folder s3://nobody/x y --classes z"), "s3://nobody/x: "),
        (("--source", "foldr s3://nobody/x y"), "'foldr' is not a command of `segline import`; expected one of"),
        (("--source", "folder s3://nobody/x"), "`segline import folder --help` explains"),
    ],
    ids=["branch", "words", "store", "importer", "too few"],
)
def test_wrong_words_are_refused_before_anything_starts(
    team: Path, s3: Any, words: tuple[str, ...], message: str
) -> None:
    """The message names the word and what to do; no server was started for it."""
    for when in (("--now",), ("--cron", "0 3 * * *")):
        code, output = run_module("segline.command", "schedule", *when, *words)
        assert code in (1, 2) and message in output and "starting Prefect" not in output, output
