"""Tests of flows/doctor.py, in a project whose stages have run."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.doctor import Finding, build_table, examine, show
from pipeline.dataset.versions import add_data
from pipeline.runtime.locks import only_one
from segline.command import call
from tests.conftest import SETTINGS
from tests.finished_project import commit, use_registry, write_lock, write_project

pytestmark = pytest.mark.services

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished project under git and DVC, as the current directory, with a registry of its own."""
    folder = tmp_path / "a project"
    folder.mkdir()
    write_project(folder, monkeypatch)
    for name in (".dvc/config", ".dvc/.gitignore"):
        assert name in SETTINGS
        Path(name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, name)
    for name in ("work/validate", "work/preprocess"):
        shutil.rmtree(name)  # of stages that this project does not have
    add_data()
    write_lock()
    add_data()
    Path(".gitignore").write_text(Path(".gitignore").read_text() + "/checkpoints/\n")
    commit()
    use_registry(tmp_path, monkeypatch)
    return folder


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
        (write("checkpoints/train-0.npz"), "checkpoints", "1 of stopped trainings", "`rm -rf checkpoints/train-0.npz`"),
        (write(".segline/open_run"), "MLflow", "a run of a killed process is open", "the next `segline run` ends it"),
        (write(".segline/prefect/key"), "leftovers", ".segline/prefect/key", "`rm -rf .segline/prefect/key`"),
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
    assert [one.state for one in findings if one.place == "at work"][0].startswith(".segline/run.lock is held")
    assert not [one for one in findings if one.todo]
    assert [one for one in examine() if one.todo]


@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="only Linux shows where a process was started")
def test_a_server_that_is_left_over_is_named() -> None:
    """A process of Prefect's server in this folder, of which no run knows, is shown with its number."""
    command = [sys.executable, "-c", "input()", "prefect", "server", "start"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as child:
        todos = [one.todo for one in examine() if one.place == "Prefect"]
        child.communicate(b"\n")
    assert todos == [f"`kill {child.pid}`"]


def test_a_table_shows_text_as_it_is() -> None:
    """A name in brackets is no markup."""
    table = build_table([Finding("data", "[bold]x")])
    assert [list(column.cells) for column in table.columns][1] == [r"\[bold]x"]
