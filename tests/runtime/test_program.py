"""Tests of pipeline/runtime/program.py."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest

from pipeline.errors import DataError
from pipeline.runtime.program import run, run_stage
from tests.conftest import on_a_full_disk


def _refuse() -> NoReturn:
    raise DataError("data: is empty; bring some in")


def test_what_a_user_can_mend_ends_as_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    """An error of ours gives its message on stderr and exit code 1, without a traceback."""
    with pytest.raises(SystemExit) as exit_:
        run(_refuse)
    assert exit_.value.code == 1
    assert capsys.readouterr().err == "error: data: is empty; bring some in\n"


def test_a_message_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever name is in it."""

    def refuse() -> None:
        raise DataError("\x1b[2J\udcff.png: is odd\n  rename it")

    with pytest.raises(SystemExit):
        run(refuse)
    assert capsys.readouterr().err == "error: \\x1b[2J\\udcff.png: is odd\n  rename it\n"


@on_a_full_disk
def test_a_full_disk_is_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    """The system's message about a full disk is shown with advice."""

    def write() -> None:
        Path("/dev/full").write_text("x")

    with pytest.raises(SystemExit):
        run(write)
    assert "No space left on device); free some space and run the same command again" in capsys.readouterr().err


def test_a_file_that_may_not_grow_is_no_traceback(tmp_path: Path) -> None:
    """The same holds, in one line, if the system limits the size of a file."""
    limit = "import pathlib, resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))\n"
    code = f"{limit}def main():\n    pathlib.Path('{tmp_path}/x').write_text('xx')"
    done = run_code(code)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("error: no space left on the disk, or the file is larger than this system allows")


@pytest.mark.parametrize(
    ("break_off", "code", "start"),
    [
        ("raise KeyboardInterrupt", 130, "interrupted; start the same command again"),
        ("os.kill(os.getpid(), 15); time.sleep(60)", 143, "terminated; start the same command again to go on; a train"),
        ("open('/')", 1, "error: [Errno 21] Is a directory: '/'; fix that and run the same command again, nothing is"),
        ("1 / 0", 70, "error: ZeroDivisionError: division by zero; this is a mistake of segline's own"),
        ("os.chmod('/no/such\\ud800', 0)", 70, "error: UnicodeEncodeError"),
    ],
)
def test_any_end_is_a_sentence(break_off: str, code: int, start: str, tmp_path: Path) -> None:
    """Whatever ends a program, stderr holds one line without a traceback; that of a mistake is kept in a file."""
    done = run_code(f"def main():\n    {break_off}", TMPDIR=str(tmp_path))
    assert (done.returncode, done.stderr.count("\n")) == (code, 1)
    assert done.stderr.startswith(start)
    kept = [path.read_text() for path in tmp_path.iterdir()]
    assert len(kept) == (code in (1, 70)) and all("in main\n" in text for text in kept)


@pytest.mark.parametrize(("error", "code"), [("ValueError", 70), ("ConnectionError", 1)])
def test_an_unforeseen_error_shows_no_password(error: str, code: int, tmp_path: Path) -> None:
    """Neither the line on stderr nor the file with the traceback; nor the log of a stage."""
    broken = f"def main():\n    raise {error}('http://me:word@host is odd')"
    done = run_code(broken, TMPDIR=str(tmp_path))
    (kept,) = (path.read_text() for path in tmp_path.iterdir())
    assert done.returncode == code and "http://host is odd" in done.stderr
    assert f"{error}: http://host is odd" in kept and "word@" not in done.stderr + kept


def test_a_traceback_that_cannot_be_kept_is_printed() -> None:
    """Without any temporary folder the traceback is not lost."""
    code = "import tempfile; tempfile.tempdir = '/no/such/folder'\ndef main():\n    1 / 0"
    done = run_code(code)
    assert done.returncode == 70 and "in main\n" in done.stderr and "The details are above" in done.stderr


def test_a_reader_that_goes_away_is_no_error() -> None:
    """Output into a closed pipe ends quietly, as `| head` wants it."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-c", f"{RUN}run(lambda: print('line'))"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_the_log_of_a_stage_holds_the_traceback(tmp_path: Path) -> None:
    """A log may be read on another machine, so it tells where a mistake of ours is."""
    code = "from pipeline.runtime.program import run_stage\nrun_stage('train', lambda: 1 / 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 70 and "Traceback" in done.stderr and "error: ZeroDivisionError" in done.stderr


def test_a_name_that_the_terminal_lacks_is_printed() -> None:
    """Text goes out with escapes where the encoding of the output has no such letter."""
    done = run_code("def main():\n    print('Straße \\udcff')", PYTHONIOENCODING="ascii")
    assert done.stdout == "Stra\\xdfe \\udcff\n"


def test_a_stage_writes_its_summary_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The marker holds what the stage returns, nan as null; while a stage runs, and after it failed, there is none."""
    monkeypatch.chdir(tmp_path)
    marker = Path("work/one/summary.json")

    def work() -> dict[str, Any]:
        assert not marker.exists()
        return {"num_images": 2, "mean_iou": math.nan}

    run_stage("one", work)
    run_stage("one", work)
    assert json.loads(marker.read_text()) == {"num_images": 2, "mean_iou": None}
    with pytest.raises(SystemExit):
        run_stage("one", _refuse)
    assert not marker.exists()


def test_a_stage_whose_inputs_change_leaves_no_summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does it leave a cost."""
    monkeypatch.chdir(tmp_path)
    Path("dvc.yaml").write_text("stages: {one: {cmd: x, deps: [data]}}")
    Path("params.yaml").write_text("{}")

    def work() -> dict[str, Any]:
        Path("data").write_text("new")
        return {}

    with pytest.raises(SystemExit):
        run_stage("one", work)
    assert not Path("work").exists() and not list(Path(".segline/cost").iterdir())


RUN = "import os, time\nfrom pipeline.runtime.program import run\n"


def run_code(code: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Runs the function `main` that some code defines as a program of ours."""
    command = [sys.executable, "-c", f"{RUN}{code}\nrun(main)"]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})
