"""A small project of its own for a training with changed params: links to the data and the packed arrays."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.dataset.fingerprint import FINGERPRINT, Fingerprint
from pipeline.dataset.manifest import MANIFEST
from pipeline.disk.yaml_text import to_yaml
from pipeline.errors import EvidenceError, StageError
from pipeline.runtime.guard import run_guarded
from pipeline.runtime.locks import FOLDER
from pipeline.runtime.stages import MARKER, PARAMS, ROOT, WORK
from pipeline.training.precision import STEP_TIMES

TUNE = FOLDER / "tune"
"""A folder for each search: its study, and projects of trials that have not ended."""
CROSSVAL = FOLDER / "crossval"
"""A folder for each cross-validation: finished folds, and projects of folds that have not ended."""
SHARED = (Path("data"), MANIFEST.parent, FINGERPRINT.parent, STEP_TIMES)
"""Inputs that the trainings share; by the measured step times trainings of one shape have one precision."""


def read_arrays() -> Fingerprint:
    """The fingerprint of the packed arrays, which all are there.

    Raises:
        EvidenceError: nothing is packed yet, or arrays are missing.
    """
    fingerprint = Fingerprint.read()
    if missing := [name for name in fingerprint.arrays_md5 if not (FINGERPRINT.parent / name).exists()]:
        raise EvidenceError(f"{FINGERPRINT.parent}: {', '.join(missing)} not found; run `dvc repro preprocess` first")
    return fingerprint


def prepare(project: Path, params: Mapping[str, Any], shared: Sequence[Path] = SHARED) -> None:
    """Makes a project with these params and links to what is `shared`; one that was stopped keeps its outputs.

    A file of weights that the network is to start from is shared, too.
    """
    STEP_TIMES.mkdir(parents=True, exist_ok=True)
    weights = Path(params["train"]["network"].get("encoder_weights", ""))
    for path in (*shared, weights) if weights.is_file() else shared:
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        if not (project / path).is_symlink():
            (project / path).symlink_to(path.resolve(), target_is_directory=True)
    (project / PARAMS).write_text(to_yaml(params), encoding="utf-8")


def finish_stages(project: Path, stages: Sequence[str], prefix: str) -> None:
    """Runs those stages that have not run in a project, and prints their output, each line after `prefix`.

    Raises:
        StageError: a stage failed; names its last lines.
    """
    for stage in stages:
        if not (project / WORK / stage / MARKER).exists():
            print(f"{prefix}{stage}", flush=True)
            try:
                run_step(project, stage, partial(print, prefix, sep="", flush=True))
            except StageError as err:
                raise StageError(f"what has finished is kept; {err}") from err


def run_step(
    project: Path, step: str, on_line: Callable[[str], None], environment: Mapping[str, str] | None = None
) -> None:
    """Runs the program of a step in a project.

    Args:
        project: folder of `prepare`.
        step: such as "train".
        on_line: called with each line of the output; the step is killed if it raises.
        environment: variables to add.

    Raises:
        StageError: its exit code is not 0; names its last lines.
    """
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    command = (sys.executable, "-m", f"pipeline.steps.{step}")
    run_guarded(" ".join(command[1:]), command, on_line, None, {"PYTHONPATH": path, **(environment or {})}, project)
