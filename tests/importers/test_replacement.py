"""Tests of replacing the data folder, with DVC itself."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.dataset.versions import is_fresh, read_data_md5
from pipeline.errors import DataError, StageError
from pipeline.importers.replacement import JOURNAL, check_replaceable, replaced
from tests.conftest import small_files

DATA = Path("data")
SLOW_IMPORT = """
import sys, time
from pipeline.importers.replacement import check_replaceable, replaced
check_replaceable()
with replaced() as folder:
    folder.mkdir()
    (folder / "a").write_text("new")
    print("checked", flush=True)
    sys.stdin.readline()
"""


def _bring_in(text: str) -> None:
    check_replaceable()
    with replaced() as folder:
        folder.mkdir()
        (folder / "a").write_text(text)


def _state() -> dict[str, str]:
    files = [path for path in Path().rglob("*") if path.is_file() and not path.is_relative_to(".segline/dvc")]
    return {str(path): path.read_text() for path in files if path.parts[0] not in (".git", ".dvc")}


def _hold_lock() -> "subprocess.Popen[str]":
    """Another DVC command, in the middle of its work."""
    code = "import sys; from dvc.repo import Repo; lock = Repo('.').lock; lock.lock(); print('held', flush=True); "
    command = [sys.executable, "-c", f"{code}sys.stdin.readline()"]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout and other.stdout.readline() == "held\n"
    return other


def test_data_and_version_are_replaced_together(project: Path) -> None:
    """The new folder has its version, and nothing else is left."""
    for text in ("old", "new"):
        _bring_in(text)
        assert is_fresh("data.dvc")
    assert _state().keys() == {"data/a", "data.dvc", "params.yaml", ".gitignore", ".dvcignore"}


@pytest.mark.e2e
@pytest.mark.parametrize("has_old", [False, True])
def test_where_dvc_fails_all_is_as_it_was(project: Path, has_old: bool) -> None:
    """DVC is busy when the new folder is to get its version: the former data and version are put back."""
    if has_old:
        _bring_in("old")
    before = _state()
    with pytest.raises(StageError, match="DVC is busy"), replaced() as folder:
        folder.mkdir()
        (folder / "a").write_text("new")
        other = _hold_lock()
    other.communicate("\n")
    assert _state() == before
    _bring_in("new")
    assert (DATA / "a").read_text() == "new"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda: Path(".git").rename("elsewhere"), "is not a git repository; versions need git"),
        (lambda: Path(".dvc/config").write_text("["), "DVC failed: .*config"),
        (lambda: Path(".dvc/cache").write_text(""), r"\.dvc/cache/files/md5: cannot be written to"),
        (lambda: Path(".segline").write_text(""), r"\.segline"),
    ],
)
def test_what_dvc_cannot_do_is_known_before(project: Path, damage, message: str) -> None:  # type: ignore[no-untyped-def]
    """The error comes before the work begins."""
    damage()
    with pytest.raises(StageError, match=message):
        check_replaceable()


def test_a_dvc_that_cannot_write_is_named(project: Path) -> None:
    """The data base that DVC keeps is larger than the system allows."""
    with small_files(1000), pytest.raises(StageError, match="DVC failed: its own data base .*look for free space"):
        check_replaceable()


@pytest.mark.e2e
@pytest.mark.parametrize("has_old", [False, True])
def test_a_killed_import_is_in_nobodys_way(project: Path, has_old: bool) -> None:
    """Killed between the renaming and the end of `dvc add`, the same import succeeds when it is run again."""
    if has_old:
        _bring_in("old")
    _kill_before_its_version()
    assert (DATA / "a").read_text() == "new" and JOURNAL.exists()
    _bring_in("new")
    assert (DATA / "a").read_text() == "new" and is_fresh("data.dvc")
    assert _state().keys() == {"data/a", "data.dvc", "params.yaml", ".gitignore", ".dvcignore"}


@pytest.mark.e2e
def test_data_of_a_hand_are_kept_after_a_kill(project: Path) -> None:
    """A folder that was changed since is not the import's own, and is not touched."""
    _kill_before_its_version()
    (DATA / "b").write_text("mine")
    with pytest.raises(DataError, match="data: exists and DVC holds no version of it"):
        check_replaceable()
    assert (DATA / "b").read_text() == "mine"


def test_a_kill_between_the_renames_loses_nothing(project: Path) -> None:
    """The former folder is put back."""
    _bring_in("old")
    version = read_data_md5()
    JOURNAL.write_text('{"md5": "x.dir", "dvc_file": ' + repr(Path("data.dvc").read_text()).replace("'", '"') + "}")
    DATA.rename(".data.old")
    check_replaceable()
    assert (DATA / "a").read_text() == "old" and read_data_md5() == version and not JOURNAL.exists()


def _kill_before_its_version() -> None:
    command = [sys.executable, "-c", SLOW_IMPORT]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin and child.stdout and child.stdout.readline() == "checked\n"
        other = _hold_lock()
        child.stdin.write("\n")
        child.stdin.flush()
        while not JOURNAL.exists() or Path(".data.part").exists():
            time.sleep(0.01)
        child.kill()
    other.communicate("\n")
