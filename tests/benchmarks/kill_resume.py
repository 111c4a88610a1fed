"""Whether a training that is killed with SIGKILL, and started again, ends with the bytes of the undisturbed one.

A tiny network is trained on drawn images, in turn in float32 and in mixed bfloat16. It saves its state after each step.
Of each precision, every other run is killed at a random moment, and every other one while a checkpoint is written. The
run is equal if weights, network, history and summary have the bytes of a training that nobody killed and that saved its
state after epochs only.

Usage: `python -m tests.benchmarks.kill_resume [NUM_RUNS]`, 20 runs by default; the last line is a JSON object.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO

import yaml

from pipeline.disk.files import md5_of, remove
from pipeline.steps.preprocess import preprocess
from pipeline.steps.train import TRAIN
from pipeline.training.checkpoints import CHECKPOINTS, EVERY, NEWEST
from pipeline.training.precision import BFLOAT16, FLOAT32
from tests.drawn_data import CLASSES, small_content, small_params, write_data
from tests.layout import ROOT

NUM_RUNS = 20
NUM_EPOCHS, NUM_TRAIN = 6, 32
COMMAND = [sys.executable, "-u", "-m", "pipeline.steps.train"]
AFTER_EPOCHS, AFTER_EACH_STEP = "0", "0.000001"
BEGINS, EPOCH_ENDS = "train: ", ", val loss "
"""In lines that the program prints once TensorFlow is loaded, and after each epoch."""


@dataclass(frozen=True)
class Project:
    """A folder with packed arrays and params, and what an undisturbed training made of them.

    Attributes:
        folder: where the training runs.
        md5: of the undisturbed training's output.
        times_s: that its epochs took.
    """

    folder: Path
    md5: str
    times_s: tuple[float, ...]


def make_project(folder: Path, precision: str) -> Project:
    """Packs drawn images and trains once, undisturbed."""
    folder.mkdir()
    with chdir(folder):
        preprocess(write_data(folder, NUM_TRAIN), CLASSES, small_params().preprocess, Path("work/preprocess"))
        content = small_content(num_epochs=NUM_EPOCHS, precision=precision)
        Path("params.yaml").write_text(yaml.safe_dump(content))
    with started(folder, AFTER_EPOCHS) as (process, output):
        ends = [time.monotonic() for line in output if line.startswith(BEGINS) or EPOCH_ENDS in line]
    assert process.returncode == 0
    times_s = tuple(end - begin for begin, end in pairwise(ends[-NUM_EPOCHS - 1 :]))
    return Project(folder, md5_of(folder / TRAIN), times_s)


@contextmanager
def started(folder: Path, minutes: str) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """Starts a training; gives the process and its output, and waits for its end."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), EVERY: minutes}
    with subprocess.Popen(COMMAND, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process, process.stdout


def wait_for(word: str, output: IO[str]) -> None:
    """Reads up to a line with a word; to the end if there is none."""
    next((line for line in output if word in line), None)


def is_writing(folder: Path) -> bool:
    """True if a checkpoint is half written."""
    return any((folder / CHECKPOINTS).glob(f"train-*/.{NEWEST}.part"))


def kill_once(project: Project, in_writing: bool, moments: random.Random) -> bool:
    """Starts a training and kills it at a random moment, or at the next checkpoint after that; False if it had ended.

    The epoch is drawn, and a moment of the time that it takes without a checkpoint after each step.
    """
    remove(project.folder / TRAIN)
    for path in (project.folder / CHECKPOINTS).glob("train-*"):
        remove(path)
    with started(project.folder, AFTER_EACH_STEP) as (process, output):
        wait_for(BEGINS, output)
        epoch = moments.randrange(NUM_EPOCHS)
        for _ in range(epoch):
            wait_for(EPOCH_ENDS, output)
        time.sleep(moments.uniform(0, project.times_s[epoch]))
        while in_writing and process.poll() is None and not is_writing(project.folder):
            pass
        process.kill()
    return process.returncode < 0


def go_on(project: Project) -> tuple[bool, str]:
    """Starts the training again; says if it made the bytes of the undisturbed one, and where it began."""
    with started(project.folder, AFTER_EACH_STEP) as (process, output):
        lines = output.read().splitlines()
    began = next((line for line in lines if "goes on after" in line), "from the start")
    is_equal = process.returncode == 0 and md5_of(project.folder / TRAIN) == project.md5
    return is_equal and "damaged" not in "".join(lines), began.partition(" (")[0]


def main(num_runs: int) -> None:
    """Kills and compares; exit code 1 if a run is not equal."""
    moments = random.Random(0)
    num_equal = 0
    with tempfile.TemporaryDirectory() as name:
        projects = [make_project(Path(name, precision), precision) for precision in (FLOAT32, BFLOAT16)]
        for run in range(num_runs):
            project, in_writing = projects[run % 2], run % 4 >= 2
            while not kill_once(project, in_writing, moments):
                print(f"run {run + 1}: the training ended before its kill; again", flush=True)
            was_writing = is_writing(project.folder)
            is_equal, began = go_on(project)
            num_equal += is_equal
            killed = "while a checkpoint was written" if was_writing else "between two checkpoints"
            shown = "equal" if is_equal else "NOT EQUAL"
            print(f"run {run + 1}, {project.folder.name}: killed {killed}; {began}; {shown}", flush=True)
    print(json.dumps({"runs": num_runs, "equal": num_equal}))
    sys.exit(num_equal < num_runs)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else NUM_RUNS)
