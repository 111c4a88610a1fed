"""The stages of `dvc.yaml`: their order, the marker of each, and their inputs, watched while a stage runs.

DVC hashes the inputs after the stage has ended (DVC issue 11058). Without the watch, `dvc.lock` would hold an edit made
in the meantime as an input of the outputs.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.disk.files import md5_of_code, read_yaml
from pipeline.errors import StageError
from pipeline.text import show_names

PIPELINE = Path("dvc.yaml")
PARAMS = Path("params.yaml")
ROOT = Path(__file__).resolve().parents[2]
"""The checkout of this code."""
WORK = Path("work")
"""Holds a folder of each stage."""
MARKER = "summary.json"
"""File that each stage writes last into its folder: its main numbers."""
CODE = "pipeline"
RESTORE = "run this in the project's folder, or restore it from git"


def list_stages(path: Path = PIPELINE) -> list[str]:
    """Names of the stages in `dvc.yaml`, in its order, which is the order they run in.

    Raises:
        StageError: the file is missing, not YAML or has no stages.
    """
    content = read_yaml(path, StageError, RESTORE)
    if not isinstance(content, dict) or not isinstance(content.get("stages"), dict) or not content["stages"]:
        raise StageError(f"{path}: found no `stages`; restore the file from git")
    return list(content["stages"])


@contextmanager
def unchanged_inputs(stage: str) -> Iterator[None]:
    """Raises if the dependencies or params of a stage changed while the block ran.

    A file has changed if its size or its time of change differs. Without a `dvc.yaml`, nothing is watched.

    Raises:
        StageError: names what changed.
    """
    before = _read_inputs(stage)
    yield
    after = _read_inputs(stage)
    if changed := [name for name in before.keys() | after.keys() if before.get(name) != after.get(name)]:
        raise StageError(
            f"{show_names(changed)} changed while {stage} ran, so the inputs of its outputs are unknown; they do not "
            "count, run the same command again"
        )


def _read_inputs(stage: str) -> dict[str, Any]:
    if not PIPELINE.exists():
        return {}
    described = describe_stage(stage)
    params = read_yaml(PARAMS, StageError, RESTORE)
    sections = params if isinstance(params, dict) else {}
    inputs = {f"{PARAMS}: {section}": sections.get(section) for section in described["params"]}
    for dependency in described["deps"]:
        inputs[dependency] = _stamp(dependency)
        for folder, folders, files in os.walk(dependency):
            folders[:] = [name for name in folders if name != "__pycache__"]
            inputs |= {path: _stamp(path) for path in (f"{folder}/{name}" for name in (*folders, *files))}
    return inputs


def _stamp(path: str) -> tuple[int, int] | None:
    """Size and time of change of a file; None if it is missing or not a regular file."""
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return (status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None


def describe_stage(stage: str, path: Path = PIPELINE) -> dict[str, list[str]]:
    """Names of the `deps` and `params` of a stage in the file `path`; a stage may have no params.

    Raises:
        StageError: the file is not YAML, or lacks that stage or its dependencies.
    """
    content = read_yaml(path, StageError, RESTORE)
    try:
        section = content["stages"][stage]
        lists = {"params": section.get("params", []), "deps": section["deps"]}
    except (KeyError, TypeError, AttributeError) as err:
        raise StageError(f"{path}: found no stage {stage} with deps; {RESTORE}") from err
    if not all(isinstance(names, list) and all(isinstance(name, str) for name in names) for names in lists.values()):
        raise StageError(f"{path}: params or deps of {stage} are not lists of names; {RESTORE}")
    return lists


def code_of(stage: str) -> dict[str, str]:
    """MD5 of each room and file of code that a stage depends on in `dvc.yaml`: the identity of its code.

    Checkpoints and the noise floor use it, so that they are valid as long as DVC takes the stage for fresh.

    Raises:
        StageError: `dvc.yaml` lacks the stage.
    """
    deps = describe_stage(stage, ROOT / PIPELINE)["deps"]
    return {dep: md5_of_code(ROOT / dep) for dep in sorted(deps) if dep.startswith(f"{CODE}/")}
