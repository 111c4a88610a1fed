"""Tests of flows/doctor/examination.py: the whole, in a project whose stages have run."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.doctor.examination import build_table, examine, show, within
from flows.doctor.finding import Finding
from pipeline.errors import StageError
from pipeline.runtime.locks import only_one
from segline.command import call

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("finished")]


def write(path: str, text: str = "x") -> Callable[[], Any]:
    """Writes a file, when called."""

    def write_it() -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).unlink(missing_ok=True)
        Path(path).write_text(text)

    return write_it


def hide_code() -> None:
    """Changes code and tells git to overlook that."""
    subprocess.run(["git", "update-index", "--assume-unchanged", "pipeline/code.py"], check=True)
    Path("pipeline/code.py").write_text("x = 2\n")


def spoil_cache() -> None:
    """Changes the content of an object in DVC's cache."""
    path = next(path for path in sorted(Path(".dvc/cache/files/md5").glob("*/*")))
    path.chmod(0o644)
    path.write_text("other")


def test_a_sound_project_needs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Facts are reported and nothing is to do; nothing is written."""
    before = sorted(Path().rglob("*"))
    assert [finding for finding in examine() if finding.todo] == []
    show(examine())
    assert "1 versions" not in capsys.readouterr().out
    assert sorted(Path().rglob("*")) == before


@pytest.mark.parametrize(
    ("spoil", "place", "state", "todo"),
    [
        (hide_code, "code", "not as committed: pipeline/code.py", "commit them"),
        (lambda: shutil.rmtree(".git"), "git", "cannot be used", "run this in a clone"),
        (lambda: shutil.rmtree("data"), "data", "cannot be used", "fetch the version in data.dvc with `dvc pull`"),
        (write("data/new"), "data", "is not the version in data.dvc", "`dvc checkout data.dvc`"),
        (spoil_cache, "DVC's cache", "1 broken objects", "`rm -rf .dvc/cache/files/md5/"),
        (write("../mlflow.db", "no data base"), "MLflow", "file is not a database", "`mv "),
        (write("../mlflow.db", ""), "MLflow", "is not whole", "`mv "),
        (write("work/half/file"), "work/half", "is in no stage's output", "`rm -rf work/half`"),
        (write("work/train/file"), "work/train", "is not as dvc.lock has it", "`dvc checkout work/train`"),
        (write("work/train/.a b.part"), "leftovers", "half-written: work/train/.a b.part", "`rm -rf 'work/train/.a b."),
        (write("checkpoints/train-0/newest.ckpt"), "checkpoints", "1 of stopped", "`rm -rf checkpoints/train-0`"),
        (write(".segline/open_run"), "MLflow", "a run of a killed process is open", "the next `segline run` ends it"),
        (
            write(".segline/prefect/key"),
            "Prefect",
            "prefect/key is the key of a server that is gone",
            "`rm -rf .segline/prefect/key`",
        ),
        (write("dvc.lock", "{"), "work/", "cannot be used", "is not YAML"),
    ],
)
def test_a_fault_is_shown_with_its_repair(
    spoil: Callable[[], Any], place: str, state: str, todo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each leftover and fault is a line of the table, with what to do; the exit code is 1."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(Path.cwd().parent))
    spoil()
    matching = [one for one in examine() if one.place == place and state in one.state]
    assert matching and todo in matching[0].todo, examine()
    with pytest.raises(SystemExit) as end:
        call(["doctor"])
    assert end.value.code == 1


def test_what_is_under_way_is_left_alone() -> None:
    """While a run is at work its unfinished files are no leftovers."""
    write("work/half/.file.part")()
    with only_one("run"):
        findings = examine()
    (state,) = [one.state for one in findings if one.place == "at work"]
    assert state.startswith("a run is under way (.segline/run.lock is held")
    assert not [one for one in findings if one.todo]
    assert [one for one in examine() if one.todo]


def never() -> Iterator[Finding]:
    """A look that waits for a server that is dead."""
    time.sleep(60)
    yield Finding("server", "late")


def wrong() -> Iterator[Finding]:
    """A look that meets what nobody thought of."""
    yield Finding("server", "x" + str(1 // 0))


def test_a_look_that_hangs_or_breaks_is_a_finding() -> None:
    """It ends after its time, and the next look begins."""
    began = time.monotonic()
    (late,) = within("server", never, 0.2)
    assert (late.state, time.monotonic() - began < 5) == ("no answer within 0.2 s", True) and late.todo
    (broken,) = within("server", wrong, 5)
    assert broken.state == "cannot be looked at (ZeroDivisionError)" and broken.todo


def test_a_repair_that_fails_is_still_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was repaired is done; what was not says why."""

    def refuse() -> str:
        raise StageError("it is busy")

    looks = [Finding("a", "old", "`rm a`", repair=lambda: "removed a"), Finding("b", "old", "`rm b`", repair=refuse)]
    monkeypatch.setattr("flows.doctor.examination.LOOKS", [("x", lambda: iter(looks), 5)])
    done, failed = examine(fix=True)
    assert (done.todo, done.done) == ("", "removed a")
    assert (failed.todo, failed.done) == ("not repaired: it is busy; `rm b`", "")
    assert [one.todo for one in examine()] == ["`rm a`", "`rm b`"]


def test_a_table_shows_text_as_it_is() -> None:
    """A name in brackets is no markup."""
    table = build_table([Finding("data", "[bold]x")])
    assert [list(column.cells) for column in table.columns][1] == [r"\[bold]x"]
