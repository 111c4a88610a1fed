"""The machine that a plan is made for: cores, free memory, and the time of a training step, measured."""

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from pipeline.dataset.contract import ClassList
from pipeline.dataset.fingerprint import FINGERPRINT, Fingerprint
from pipeline.errors import StageError
from pipeline.runtime.guard import run_guarded
from pipeline.runtime.stages import PARAMS

ROOT = Path(__file__).parents[2]
CGROUP = Path("/sys/fs/cgroup/memory.max")
TIME_STEPS = (sys.executable, "-m", "pipeline.steps.train", "--time-steps")
LIMIT_S = 600.0


@dataclass(frozen=True)
class StepCost:
    """What a training step takes here.

    Attributes:
        gpus: names of the visible GPUs.
        step_s: seconds; None: it failed, for want of memory as a rule.
        peak_mb: most memory of the measuring process, in MB of 10^6 bytes; less if the time was known from before.
        start_s: seconds until the first step has ended.
    """

    gpus: tuple[str, ...]
    step_s: float | None
    peak_mb: float
    start_s: float = 0.0


def count_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_mb() -> float:
    """Memory that is free for a process, in MB of 10^6 bytes: that of the machine, or of its container."""
    free: int = psutil.virtual_memory().available
    limit = CGROUP.read_text().strip() if CGROUP.exists() else ""
    return min(free, int(limit) if limit.isdecimal() else free) / 1e6


def time_step(
    params: str, classes: ClassList, class_pixels: Mapping[str, int], num_train: int, size: tuple[int, int]
) -> StepCost:
    """Measures a training step of these params in a process of its own, on made-up images.

    Args:
        params: text of params.yaml.
        class_pixels: by name; as `Fingerprint` has them.
        num_train: images that are trained on.
        size: (height, width), the working size, pixels.

    Raises:
        StageError: the program fails; names its last lines.
    """
    made_up = Fingerprint(classes, size, {"train": num_train}, (128, 128, 128), (64, 64, 64), dict(class_pixels), {})
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    lines: list[str] = []
    with tempfile.TemporaryDirectory() as place:
        made_up.write(Path(place) / FINGERPRINT.name)
        (Path(place) / PARAMS).write_text(params, encoding="utf-8")
        run_guarded("the measurement of a step", (*TIME_STEPS, place), lines.append, LIMIT_S, {"PYTHONPATH": path})
    try:
        found = json.loads(lines[-1])
        return StepCost(tuple(found["gpus"]), found["step_s"], found["peak_mb"], found["start_s"])
    except (IndexError, ValueError, KeyError) as err:
        raise StageError(f"the measurement of a step printed {lines[-3:]}, expected JSON at its end") from err
