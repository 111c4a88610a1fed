"""The noise floor: trains the same data again with other seeds, and stores how far mean IoU spreads by chance alone.

With other params it compares two recipes over seeds, and stores nothing in the registry. Nothing of the project
changes: each seed is a small project of its own under `.segline/noise/`, which holds links to the data and the packed
arrays and runs the stages `train`, `export` and `evaluate` as they are. A seed that has finished is kept, so that the
same command goes on where it was stopped, and more runs later train only the new seeds.
"""

import hashlib
import json
import math
import os
import shutil
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.dataset.manifest import read_manifest
from pipeline.disk.files import md5_of, read_yaml
from pipeline.disk.records import read_record, write_record
from pipeline.errors import EvidenceError, ParamsError
from pipeline.evaluation.scores import SCORES, Scores, md5_of_test_split
from pipeline.params import read_params
from pipeline.promotion.noise_floor import (
    MIN_RUNS,
    NOISE,
    NOISE_TAG,
    RecipeDifference,
    compare_recipes,
    noise_floor,
)
from pipeline.registry.client import check_registry, model_name, write_model
from pipeline.registry.lineage import PARAMS, read_data_version
from pipeline.registry.runs import write_run
from pipeline.runtime.progress import duration
from pipeline.runtime.stages import code_of
from pipeline.trials.params_change import with_values
from pipeline.trials.project import finish_stages, prepare, read_arrays

STAGES = ("train", "export", "evaluate")


def noise(num_runs: int) -> float:
    """Trains with the seeds after that of the params and stores the floor in the registry; see `segline.noise`."""
    _check_num_runs(num_runs)
    check_registry()
    _, data_md5 = read_data_version()
    mean_ious = train_seeds(PARAMS, num_runs)
    floor = noise_floor(mean_ious)
    when = datetime.now(UTC).isoformat(timespec="seconds")
    store({"floor": floor, "mean_ious": mean_ious, "params_md5": md5_of(PARAMS), "data_md5": data_md5, "when": when})
    return floor


def noise_against(num_runs: int, other: Path) -> RecipeDifference:
    """Trains with two params files, each with the seeds after its own; see `segline.noise`."""
    _check_num_runs(num_runs)
    params = [read_params(path) for path in (PARAMS, other)]
    if unlike := [name for name in ("validate_", "preprocess") if getattr(params[0], name) != getattr(params[1], name)]:
        section = unlike[0].strip("_")
        raise ParamsError(
            f"{other}: its section {section} is not that of {PARAMS}, so it would train on other data; recipes that "
            "differ in train and export can be compared"
        )
    if identify(PARAMS) == identify(other):
        raise ParamsError(f"{other}: is the same recipe as {PARAMS}, but for the seed; change train or export in it")
    return compare_recipes(train_seeds(PARAMS, num_runs), train_seeds(other, num_runs))


def _check_num_runs(num_runs: int) -> None:
    if num_runs < MIN_RUNS:
        raise ParamsError(f"--runs is {num_runs}, expected {MIN_RUNS} or more: fewer show no spread")


def show(found: float | RecipeDifference) -> None:
    """Prints the noise floor, and where it counts; or the difference of two recipes."""
    if isinstance(found, RecipeDifference):
        print(describe(found))
        return
    floor = found
    print(f"noise floor {floor:.4f}: the seed alone can change mean IoU by that; `segline promote` notes it, and asks")
    print("for more with `noise_floor: require` in the section promote of params.yaml (promote.noise_floor)")


def describe(found: RecipeDifference) -> str:
    """Means, difference with interval, and which recipe is better."""
    better = "the other params are better" if found.is_better else "the other params are worse"
    unknown = "no difference is shown; more --runs make the interval shorter"
    return (
        f"mean IoU over {len(found.base)} seeds each: {PARAMS} {statistics.fmean(found.base):.4f}, the other params "
        f"{statistics.fmean(found.other):.4f}; difference {100 * found.difference:+.2f} points, 95% interval (Welch) "
        f"{100 * found.low:+.2f} to {100 * found.high:+.2f}, on this test split: "
        f"{better if found.low > 0 or found.high < 0 else unknown}"
    )


def train_seeds(path: Path, num_runs: int) -> list[float]:
    """Mean IoU of the `num_runs` seeds after that of a params file; prints how long the rest takes."""
    folder, base = NOISE / identify(path), read_params(path).train.seed
    mean_ious: list[float] = []
    took_s: list[float] = []
    for index in range(1, num_runs + 1):
        is_kept, started = _kept(folder, base + index).exists(), time.monotonic()
        mean_ious.append(mean_iou_of(folder, base + index, f"{index}/{num_runs}", path))
        took_s += [] if is_kept else [time.monotonic() - started]
        left = duration(statistics.fmean(took_s) * (num_runs - index)) if took_s else "unknown time"
        done = "" if index == num_runs else f", {left} left"
        print(
            f"noise {index}/{num_runs}: {path}, seed {base + index} has mean IoU {mean_ious[-1]:.4f}{done}", flush=True
        )
    return mean_ious


def identify(path: Path = PARAMS) -> str:
    """A digest of all that the seeds have in common: params but the seed, data, and the code of their stages.

    Raises:
        EvidenceError: nothing is packed yet, or arrays are missing.
    """
    fingerprint, params = read_arrays(), read_params(path)
    identity = {
        "train": params.train.model_dump(mode="json", exclude={"seed"}),
        "export": params.export.model_dump(mode="json"),
        "backend": os.environ.get("KERAS_BACKEND", ""),
        "arrays": fingerprint.arrays_md5,
        "test": md5_of_test_split(read_manifest()),
        "code": {stage: code_of(stage) for stage in STAGES},
    }
    return hashlib.md5(json.dumps(identity, sort_keys=True).encode(), usedforsecurity=False).hexdigest()


def mean_iou_of(folder: Path, seed: int, place: str, path: Path = PARAMS) -> float:
    """Mean IoU on the test split after training with `seed`, which is done once; progress has `place` in front.

    Raises:
        EvidenceError: the model scores nan.
        StageError: a stage failed.
    """
    kept, project = _kept(folder, seed), folder / f"seed-{seed}"
    if kept.exists():
        return read_record(kept, _Kept, "`segline noise`").mean_iou
    prepare(project, with_values(read_yaml(path, ParamsError, "restore it from git"), {"train.seed": seed}))
    finish_stages(project, STAGES, f"noise {place}: ")
    mean_iou = Scores.read(project / SCORES).mean_iou
    if not math.isfinite(mean_iou):
        raise EvidenceError(f"{project}: mean IoU is {mean_iou}; the test split needs labelled images, add some")
    write_record(kept, _Kept(seed, mean_iou))
    shutil.rmtree(project)
    return mean_iou


@dataclass(frozen=True)
class _Kept:
    """The result of a seed."""

    seed: int
    mean_iou: float


def _kept(folder: Path, seed: int) -> Path:
    return folder / f"seed-{seed}.json"


def store(content: Mapping[str, Any]) -> None:
    """Keeps the floor as a tag of the registered model, which is made if it is missing, and as a run's artifact.

    Raises:
        RegistryError: MLflow cannot be reached.
    """
    text = json.dumps(content, sort_keys=True)
    todo = "run `segline noise` again, finished seeds are kept"
    write_run("noise", {NOISE_TAG: content["floor"]}, {f"{NOISE_TAG}.json": text}, todo)
    write_model(model_name(), {NOISE_TAG: text})
