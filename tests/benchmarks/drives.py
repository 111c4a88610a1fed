"""CamVid with a whole drive held out: the params that ship learn from the other drives and are scored on that one.

Where the published val clip is of the drive that is held out, the last tenth of each other drive is val in its place.
Everything runs as a user would run it: `segline import camvid`, then `dvc repro`. Last line: one JSON object.

    python -m tests.benchmarks.drives CAMVID [--hold DRIVE ...] [--set train.num_epochs=18 ...] [--keep FOLDER]
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.benchmarks.machines import SCORES, run_words
from tests.clone import change_params, clone_environment, write_clone
from tests.conftest import ROOT

DRIVES = ("0006R0", "0016E5", "0001TP")
VAL_SHARE = 0.1
TIMEOUT_S = 7200


def main() -> None:
    """Tries the drives that the command names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("camvid", type=Path)
    parser.add_argument("--hold", nargs="*", choices=DRIVES, default=DRIVES)
    parser.add_argument("--set", nargs="*", default=[], dest="changes", metavar="KEY=VALUE")
    parser.add_argument("--keep", type=Path, help="where the clones are made, to be looked at")
    arguments = parser.parse_args()
    scores = {}
    for drive in arguments.hold:
        with tempfile.TemporaryDirectory() as folder:
            place = (arguments.keep or Path(folder)) / drive
            scores[drive] = attempt(arguments.camvid.resolve(), drive, arguments.changes, place)
        row = scores[drive]
        by_class = " ".join(f"{name} {value:.3f}" for name, value in row["iou"].items())
        print(f"{drive}: mean IoU {row['mean_iou']:.4f} in {row['minutes']:.1f} min; {by_class}", flush=True)
    mean = sum(row["mean_iou"] for row in scores.values()) / len(scores)
    print(json.dumps({"mean_iou": {drive: row["mean_iou"] for drive, row in scores.items()}, "mean": mean}))


def attempt(camvid: Path, drive: str, changes: Sequence[str], place: Path) -> dict[str, Any]:
    """Trains in a clone and gives `mean_iou`, `iou` by class and `minutes` of the import and of `dvc repro`."""
    clone = place / "clone"
    write_clone(clone, {})
    shutil.copy(ROOT / "params/camvid.yaml", clone / "params.yaml")
    others = [other for other in DRIVES if other != drive]
    change_params(clone, {"validate": {"groups_in_several_splits": others}})
    for change in changes:
        key, _, value = change.partition("=")
        change_params(clone, nested(key, yaml.safe_load(value)))
    hold_out(camvid, drive, place / "camvid")
    started = time.perf_counter()
    for words in (("segline", "import", "camvid", str(place / "camvid")), ("dvc", "repro")):
        code, output = run_words(words, clone, clone_environment(), TIMEOUT_S)
        if code:
            sys.exit(f"`{' '.join(words)}` ended with exit code {code}:\n{output[-3000:]}")
    minutes = (time.perf_counter() - started) / 60
    metrics = json.loads((clone / "work" / SCORES).read_text())["metrics"]
    mean = metrics["mean_iou"]
    return {"mean_iou": mean["value"], "iou": mean["by_class"], "minutes": minutes}


def nested(key: str, value: Any) -> dict[str, Any]:
    """`{"a": {"b": value}}` for the key `a.b`."""
    first, _, rest = key.partition(".")
    return {first: nested(rest, value) if rest else value}


def hold_out(camvid: Path, drive: str, folder: Path) -> None:
    """Copies CamVid in SegNet's layout, with the drive's frames as the test split."""
    for split in ("train", "val"):
        for kind in ("", "annot"):
            for file in sorted((camvid / f"{split}{kind}").iterdir()):
                own = file.name.split("_")[0]
                place = folder / f"{'test' if own == drive else split}{kind}" / file.name
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, place)
    if not (folder / "val").exists():
        for kind in ("", "annot"):
            by_drive: dict[str, list[Path]] = {}
            for file in sorted((folder / f"train{kind}").iterdir()):
                by_drive.setdefault(file.name.split("_")[0], []).append(file)
            (folder / f"val{kind}").mkdir()
            for files in by_drive.values():
                for file in files[-round(VAL_SHARE * len(files)) :]:
                    file.rename(folder / f"val{kind}" / file.name)


if __name__ == "__main__":
    main()
