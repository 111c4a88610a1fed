"""Tests of segline/project.py, and of the package as a whole."""

import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

import segline
from pipeline.errors import StageError
from segline.command import build_app

pytestmark = pytest.mark.services

IMPORT_SECONDS = 0.3
HEAVY = {"cv2", "dvc", "keras", "mlflow", "numpy", "prefect", "tensorflow", "cyclopts"}


def test_importing_the_package_is_quick() -> None:
    """It imports no heavy library, and takes less than 0.3 s: the best of three, as other programs run."""
    code = (
        "import sys, time, json; began = time.perf_counter(); import segline;"
        "print(json.dumps([time.perf_counter() - began, list(sys.modules)]))"
    )
    runs = [json.loads(subprocess.check_output([sys.executable, "-c", code])) for _ in range(3)]
    assert min(seconds for seconds, _ in runs) < IMPORT_SECONDS
    assert not HEAVY & set(runs[0][1])


def test_each_command_is_a_function_with_a_full_docstring() -> None:
    """Only `load` has no command and `import` another name; each docstring describes all arguments and the result."""
    functions = {name: value for name, value in vars(segline).items() if inspect.isfunction(value)}
    assert {*functions, "SeglineError"} == set(segline.__all__)
    commands = {name for name in build_app() if not name.startswith("-")}
    assert {*commands, "load", "import_data"} - {"import"} == set(functions)
    for name, function in functions.items():
        text = inspect.getdoc(function) or ""
        signature = inspect.signature(function)
        assert all(f"    {argument}: " in text for argument in signature.parameters), name
        assert ("Returns:" in text) == (signature.return_annotation is not None), name
        assert "Raises:" in text or name == "doctor", name


@pytest.mark.parametrize(
    "name", ["run", "status", "history", "register", "promote", "rollback", "publish", "clean", "doctor"]
)
def test_outside_a_project_a_function_refuses(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the folder and the missing file; nothing is written."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StageError, match=r"is not a segline project \(no dvc\.yaml\)"):
        getattr(segline, name)()
    assert not list(tmp_path.iterdir())
