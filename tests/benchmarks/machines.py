"""The demo, made small, under settings of the machine that give other bits: each is to end with a champion.

For each setting a fresh clone of this checkout draws 60 images, trains on them, registers and promotes, as `make demo`
does. A setting has passed when the command ends with exit code 0, the registry's alias `champion` points to
version 1, and on the golden images the probabilities of SavedModel and Keras model differ by at most 1e-3.

The gate's floor is 1 / (number of classes): a model that always says one class has a mean IoU below that on any data
set, and the floor was not chosen by looking at scores. How far the mean IoU of the settings is above it is shown.

Usage: `python -m tests.benchmarks.machines [WORD ...]`: with words, the settings whose name holds one of them.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.clone import change_params, clone_environment, merged, write_clone

NUM_IMAGES, NUM_CLASSES = 60, 6
SMALL: dict[str, Any] = {
    "preprocess": {"image_size": [48, 64]},
    "train": {
        "num_epochs": 24,
        "batch_size": 4,
        "network": {"num_levels": 3, "width": 8},
        "augment": {"crop": [40, 48]},
    },
    "gate": {"floors": {"mean_iou": round(1 / NUM_CLASSES, 3)}, "floors_low": {"mean_iou": 0.0}},
}
IMPORT = ("segline", "import", "demo", "--num-images", str(NUM_IMAGES))
MAX_DIFFERENCE = 1e-3
SCORES = "evaluate/scores.json"
TIMEOUT_S = 600
LIST_VERSIONS = """\
import json
from pipeline.registry.client import list_versions
print(json.dumps([[version.number, list(version.aliases)] for version in list_versions()]))
"""


@dataclass(frozen=True)
class Setting:
    """A kind of machine.

    Attributes:
        name: shown.
        variables: of the environment, for all processes of the demo.
        train: values for the section `train` of the params.
    """

    name: str
    variables: Mapping[str, str] = field(default_factory=dict)
    train: Mapping[str, Any] = field(default_factory=dict)


FLOAT32, BFLOAT16 = {"precision": "float32"}, {"precision": "mixed_bfloat16"}
SETTINGS = (
    Setting("as params.yaml has it"),
    Setting("float32", train=FLOAT32),
    Setting("mixed_bfloat16", train=BFLOAT16),
    Setting("no oneDNN, float32", {"TF_ENABLE_ONEDNN_OPTS": "0"}, FLOAT32),
    Setting("AVX2, float32", {"ONEDNN_MAX_CPU_ISA": "AVX2"}, FLOAT32),
    Setting("AVX512_CORE", {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"}),
    Setting("1 thread", train={"num_threads": 1}),
    Setting("2 threads", train={"num_threads": 2}),
    Setting("4 threads", train={"num_threads": 4}),
)
"""Where the precision is not named it is the one of params.yaml."""


@dataclass(frozen=True)
class Outcome:
    """How the demo ended.

    Attributes:
        reasons: what is not as it should be; empty where the demo passed.
        mean_iou: on the test split; None where it was not measured.
        difference: largest difference of a probability on the golden images; None where it was not measured.
        time_s: of import, stages, registration and promotion.
    """

    reasons: tuple[str, ...]
    mean_iou: float | None
    difference: float | None
    time_s: float


def run_demo(setting: Setting, folder: Path) -> Outcome:
    """Runs the demo in a clone at `folder`, which is made."""
    write_clone(folder, merged(SMALL, {"train": setting.train}))
    return _run_all((IMPORT, ("segline", "run", "--promote")), setting, folder)


def pack_demo(folder: Path) -> None:
    """Makes a clone at `folder` with the demo's data packed, to be copied for each setting."""
    write_clone(folder, SMALL)
    outcome = _run_all((IMPORT, ("dvc", "repro", "preprocess")), Setting("packing"), folder, look=False)
    assert not outcome.reasons, outcome.reasons[0]


def run_by_hand(setting: Setting, packed: Path, folder: Path) -> Outcome:
    """Runs the other stages by `dvc repro`, registers and promotes, in a copy of a clone from `pack_demo`."""
    shutil.copytree(packed, folder, symlinks=True)
    change_params(folder, {"train": setting.train})
    return _run_all((("dvc", "repro"), ("segline", "register"), ("segline", "promote")), setting, folder)


def _run_all(commands: tuple[tuple[str, ...], ...], setting: Setting, folder: Path, look: bool = True) -> Outcome:
    environment = clone_environment(**setting.variables)
    started = time.perf_counter()
    for words in commands:
        code, output = run_words(words, folder, environment)
        if code:
            reason = f"`{' '.join(words)}` ended with exit code {code}:\n{output[-2000:]}"
            return Outcome((reason,), None, None, time.perf_counter() - started)
    time_s = time.perf_counter() - started
    return _look(folder, environment, time_s) if look else Outcome((), None, None, time_s)


def run_words(
    words: Sequence[str], folder: Path, environment: Mapping[str, str], timeout_s: float = TIMEOUT_S
) -> tuple[int, str]:
    """Runs a command with the clone's code; its exit code and output."""
    module = "segline.command" if words[0] == "segline" else words[0]
    try:
        child = subprocess.run(
            [sys.executable, "-m", module, *words[1:]],
            cwd=folder,
            env=environment,
            timeout=timeout_s,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except subprocess.TimeoutExpired as err:
        return -1, f"took longer than {err.timeout} s"
    return child.returncode, child.stdout


def _look(folder: Path, environment: Mapping[str, str], time_s: float) -> Outcome:
    versions = json.loads(
        subprocess.check_output([sys.executable, "-c", LIST_VERSIONS], cwd=folder, env=environment, text=True)
    )
    parity, scores = (json.loads((folder / "work" / name).read_text()) for name in ("export/parity.json", SCORES))
    difference, mean_iou = parity["probability_difference"], scores["metrics"]["mean_iou"]["value"]
    reasons = []
    if versions != [[1, ["challenger", "champion"]]]:
        reasons.append(f"the registry holds {versions}, expected version 1 as the champion")
    if not difference <= MAX_DIFFERENCE:
        reasons.append(f"probabilities of SavedModel and Keras model differ by {difference:.4f}")
    return Outcome(tuple(reasons), mean_iou, difference, time_s)


def main(words: list[str]) -> None:
    """Runs the demo under each setting; the last line is a JSON object. Exit code 1: one has not passed."""
    settings = [setting for setting in SETTINGS if not words or any(word in setting.name for word in words)]
    outcomes = {}
    for setting in settings:
        with tempfile.TemporaryDirectory() as temporary:
            outcome = outcomes[setting.name] = run_demo(setting, Path(temporary) / "clone")
        shown = "passed" if not outcome.reasons else "FAILED: " + "; ".join(outcome.reasons)
        scores = f"mean IoU {outcome.mean_iou}, parity {outcome.difference}, {outcome.time_s:.0f} s"
        print(f"{setting.name}: {shown}; {scores}", flush=True)
    mean_ious = {name: outcome.mean_iou for name, outcome in outcomes.items()}
    passed = sum(not outcome.reasons for outcome in outcomes.values())
    longest = max(outcome.time_s for outcome in outcomes.values())
    content = {"settings": len(settings), "demo_passed": passed, "mean_iou": mean_ious, "longest_s": round(longest, 1)}
    print(json.dumps(content))
    sys.exit(passed < len(settings))


if __name__ == "__main__":
    main(sys.argv[1:])
