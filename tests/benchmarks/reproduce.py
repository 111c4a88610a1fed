"""Whether a registered version can be made again byte for byte: outputs of its stages, and how many are equal.

A small demo is trained, registered and promoted in a clone of this checkout. Then the outputs are deleted, also in
DVC's cache, and `segline reproduce` makes the champion again.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from pipeline.disk.yaml_text import parse_yaml
from tests.clone import clone_environment, write_clone

PARAMS: dict[str, Any] = {
    "preprocess": {"image_size": [32, 48]},
    "train": {"num_epochs": 3, "batch_size": 4, "precision": "float32", "augment": {"crop": [32, 48]}},
    "gate": {"floors": {"mean_iou": 0.02}, "floors_low": {"mean_iou": 0.0}},
}


def main() -> None:
    """Prints one JSON object: outputs, and those that are equal."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "clone")
        write_clone(folder, PARAMS)
        command(folder, "import", "demo", "--num-images", "60")
        command(folder, "run", "--promote")
        lock = parse_yaml((folder / "dvc.lock").read_text())
        forget_outputs(folder, lock)
        output = command(folder, "reproduce", "champion", code=None)
        paths = [out["path"] for stage in lock["stages"].values() for out in stage["outs"]]
        rows = [line for line in output.splitlines() if any(f" {path} " in line for path in paths)]
        print(json.dumps({"outputs": len(paths), "equal": sum(line.rstrip().endswith("equal") for line in rows)}))


def forget_outputs(folder: Path, lock: Any) -> None:
    """Deletes what the stages made, here and in DVC's cache."""
    shutil.rmtree(folder / "work")
    for stage in lock["stages"].values():
        for out in stage["outs"]:
            (folder / ".dvc/cache/files/md5" / out["md5"][:2] / out["md5"][2:]).unlink()


def command(folder: Path, *words: str, code: int | None = 0) -> str:
    """Runs the command in the clone; gives what it prints."""
    run = [sys.executable, "-m", "segline.command", *words]
    done = subprocess.run(run, cwd=folder, env=clone_environment(), capture_output=True, text=True, check=False)
    if code is not None and done.returncode != code:
        raise SystemExit(done.stdout + done.stderr)
    return done.stdout


if __name__ == "__main__":
    main()
