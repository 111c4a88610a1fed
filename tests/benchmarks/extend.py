"""What an extension costs: lines and files that one of each kind changes outside of its own file, and whether it works.

A network, a loss, a metric, an importer, a promotion rule and a stage of `tests/extensions/` are added to a clone, one
after the other. Git counts what each changes besides the new file. Then they run together: polygons are imported, a
model is trained with the new network and loss, gated by the new metric and promoted by the new rule, twice.

The last line is one JSON object: files and lines by kind.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from pipeline.vision.codec import write_png
from tests.clone import change_params, clone_environment, write_clone
from tests.conftest import ROOT

EXTENSIONS = ROOT / "tests/extensions"
NUM_IMAGES = 60
PARAMS: dict[str, Any] = {
    "preprocess": {"image_size": [32, 48]},
    "train": {"num_epochs": 2, "batch_size": 4, "precision": "float32", "augment": {"crop": [32, 48]}},
    "evaluate": {"bootstrap": {"num_resamples": 100}},
}
EXTENDED: dict[str, Any] = {
    "train": {"network": {"name": "flat", "width": 8}, "loss": {"generalised_dice": 1.0}},
    "gate": {"floors": {"top2_accuracy": 0.5}, "floors_low": {}},
    "promote": {"rule": "higher"},
}


@dataclass(frozen=True)
class Extension:
    """A new file, and the lines that another file gets for it.

    Attributes:
        source: in `tests/extensions/`.
        target: of the new file in the checkout.
        table: the file that names it.
        lines: the new line by the line that it follows.
    """

    source: str
    target: str
    table: str
    lines: Mapping[str, str]


KINDS = {
    "network": Extension(
        "network.py",
        "pipeline/networks/flat.py",
        "pipeline/networks/table.py",
        {
            "from pipeline.networks.network import Network": "from pipeline.networks.flat import Flat",
            '    "unet": UNet,': '    "flat": Flat,',
        },
    ),
    "loss": Extension(
        "loss.py",
        "pipeline/training/losses/generalised_dice.py",
        "pipeline/training/losses/table.py",
        {
            "from pipeline.training.losses.cross_entropy import cross_entropy": (
                "from pipeline.training.losses.generalised_dice import generalised_dice"
            ),
            '    "soft_dice": soft_dice,': '    "generalised_dice": generalised_dice,',
        },
    ),
    "metric": Extension(
        "metric.py",
        "pipeline/evaluation/metrics/top2_accuracy.py",
        "pipeline/evaluation/metrics/table.py",
        {
            "from pipeline.evaluation.metrics.calibration import CalibrationError": (
                "from pipeline.evaluation.metrics.top2_accuracy import Top2Accuracy"
            ),
            '    "calibration_error": CalibrationError,': '    "top2_accuracy": Top2Accuracy,',
        },
    ),
    "importer": Extension(
        "importer.py",
        "pipeline/importers/polygons.py",
        "pipeline/importers/formats.py",
        {
            "from pipeline.importers.folder import folder": "from pipeline.importers.polygons import polygons",
            '    "folder": folder,': '    "polygons": polygons,',
        },
    ),
    "rule": Extension(
        "rule.py",
        "pipeline/promotion/higher.py",
        "pipeline/promotion/rules.py",
        {
            "from pipeline.evaluation.reasons import Reason, Value": "from pipeline.promotion.higher import higher",
            '    "non_inferior": non_inferior,': '    "higher": higher,',
        },
    ),
    "stage": Extension(
        "stage.py",
        "pipeline/steps/count.py",
        "dvc.yaml",
        {
            "      - work/validate": "  count: {cmd: python -m pipeline.steps.count, deps: [pipeline/steps/count.py, "
            "pipeline/dataset, pipeline/disk, work/validate/manifest.csv], outs: [work/count]}"
        },
    ),
}


def add(clone: Path, extension: Extension) -> dict[str, int]:
    """Adds an extension to a clone and commits it; gives the files and lines that changed besides the new one."""
    shutil.copy(EXTENSIONS / extension.source, clone / extension.target)
    table = clone / extension.table
    lines = table.read_text().splitlines()
    for before, new in extension.lines.items():
        lines.insert(lines.index(before) + 1, new)
    table.write_text("\n".join(lines) + "\n")
    changed = _git(clone, "diff", "--numstat").splitlines()
    _commit(clone, extension.target)
    return {"files": len(changed), "lines": sum(int(line.split()[0]) + int(line.split()[1]) for line in changed)}


def draw(folder: Path) -> None:
    """Draws images of a box, grey on black or white, and the JSON of their polygons."""
    random = np.random.default_rng(0)
    images: dict[str, Any] = {}
    for number in range(NUM_IMAGES):
        top, left = (int(place) for place in random.integers(0, 20, 2))
        image = np.full((32, 48, 3), 255 * (number % 2), np.uint8)
        image[top : top + 12, left : left + 16] = 120
        write_png(folder / f"photos/{number:02}.png", image)
        box = [[left, top], [left + 15, top], [left + 15, top + 11], [left, top + 11]]
        whole = [[0, 0], [47, 0], [47, 31], [0, 31]]
        images[f"{number:02}"] = {"ground": [whole], "box": [box]}
    content = {"classes": {"ground": [0, 0, 255], "box": [200, 0, 0]}, "images": images}
    (folder / "shapes.json").write_text(json.dumps(content))


def run(clone: Path, folder: Path) -> None:
    """Runs all extensions together: import, two flow runs with promotion, and the files that must exist then.

    Raises:
        AssertionError: an extension is not in effect.
    """
    draw(folder)
    params = clone / "params.yaml"
    content = yaml.safe_load(params.read_text())
    for section, values in EXTENDED.items():
        content[section] |= values
    params.write_text(yaml.safe_dump(content, sort_keys=False))
    _commit(clone, "params")
    _segline(clone, "import", "polygons", str(folder / "photos"), str(folder / "shapes.json"))
    first = _segline(clone, "run", "--promote")
    assert "segline/1" in first and "top2 accuracy" in first, first
    change_params(clone, {"train": {"seed": 1}})
    _commit(clone, "seed")
    second = _segline(clone, "run", "--promote")
    assert "higher: difference" in second, second
    network = json.loads((clone / "work/train/networks/01/network.json").read_text())
    assert network["name"] == "flat" and set(network["arguments"]) >= {"width", "num_classes"}
    assert "top2_accuracy" in json.loads((clone / "work/evaluate/scores.json").read_text())["metrics"]
    assert "Top2 accuracy" in (clone / "work/report.html").read_text()
    counted = json.loads((clone / "work/count/summary.json").read_text())
    assert sum(counted.values()) == NUM_IMAGES and (clone / ".segline/cost/count.json").is_file()
    code = (
        "from pipeline.registry.connection import opened\n"
        "from pipeline.registry.client import find_version\n"
        "run_id = find_version('2').run_id\n"
        "with opened() as (_, client):\n"
        "    run = client.get_run(run_id)\n"
        "    print(sorted(run.data.metrics), [file.path for file in client.list_artifacts(run_id)])\n"
    )
    stored = _python(clone, "-c", code)
    assert "'top2_accuracy'" in stored and "'count'" in stored, stored


def _segline(clone: Path, *words: str) -> str:
    return _python(clone, "-m", "segline", *words)


def _python(clone: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, *words],
        cwd=clone,
        env=clone_environment(PYTHONPATH=str(clone)),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def _git(clone: Path, *words: str) -> str:
    return subprocess.check_output(["git", *words], cwd=clone, text=True)


def _commit(clone: Path, message: str) -> None:
    _git(clone, "add", "--all")
    _git(clone, "commit", "--quiet", "--message", message)


def extend(folder: Path) -> dict[str, dict[str, int]]:
    """Adds one of each kind to a new clone in `folder` and runs them; gives files and lines by kind."""
    clone = folder / "clone"
    write_clone(clone, PARAMS)
    costs = {kind: add(clone, extension) for kind, extension in KINDS.items()}
    run(clone, folder)
    return costs


def main() -> None:
    """Prints one JSON object."""
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(extend(Path(folder))))


if __name__ == "__main__":
    main()
