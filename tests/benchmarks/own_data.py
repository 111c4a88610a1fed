"""Data sets of many formats and defects, each from a folder to a champion by `import`, `run` and `promote` alone.

The streets of the demo are drawn small. A set has passed when all three commands end with exit code 0, the mean IoU on
test is at least 0.2 above that of the majority class there, and all took less than 4 minutes. `NAME` is of a set; by
default all are tried. Last line: one JSON object.

    python -m tests.benchmarks.own_data [NAME...]
"""

import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline.importers.demo.scenes import CLASSES, STREETS, draw_scene
from pipeline.vision.resize import resize_image, resize_mask
from tests.benchmarks.machines import SCORES, run_words
from tests.clone import clone_environment, write_clone
from tests.formats.defects import DEFECTS
from tests.formats.table import WRITERS

NUM_IMAGES, SIZE = 72, (96, 128)
MIN_GAIN, MAX_S, MINUTES = 0.2, 240, "1"
RUN_AND_PROMOTE = (("segline", "run"), ("segline", "promote"))
SETS = WRITERS | DEFECTS
Pictures = Mapping[str, np.ndarray]


class Outcome(NamedTuple):
    """How a set ended: what went wrong, mean IoU above the baseline, and seconds."""

    reason: str
    gain: float
    time_s: float


def main() -> None:
    """Tries the sets that the command names."""
    names = sys.argv[1:] or list(SETS)
    images, masks = draw_streets()
    outcomes = []
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            outcomes.append(attempt(name, images, masks, Path(folder) / "clone"))
        reason, gain, time_s = outcomes[-1]
        print(f"{name}: {reason or 'champion'}; {gain:.3f} above the baseline, {time_s:.0f} s", flush=True)
    champions = sum(not outcome.reason for outcome in outcomes)
    print(json.dumps({"sets": len(names), "champions": champions, "edits": 0}))  # nothing here writes into a clone
    sys.exit(champions < len(names))


def draw_streets() -> tuple[Pictures, Pictures]:
    """Images (H, W, 3) and masks (H, W) uint8 by name; what is in front of the underscore is the street."""
    images, masks = {}, {}
    for number in range(NUM_IMAGES):
        frame, street = divmod(number, len(STREETS))
        image, mask = draw_scene(0, STREETS[street], frame)
        name = f"{STREETS[street]}_{frame:03}"
        images[name], masks[name] = resize_image(image, SIZE), resize_mask(mask, SIZE)
    return images, masks


def attempt(name: str, images: Pictures, masks: Pictures, clone: Path) -> Outcome:
    """Writes a set and runs the three commands in a clone."""
    write_clone(clone, {})
    words = SETS[name](clone, images, masks, CLASSES.names)
    commands: Sequence[Sequence[str]] = (("segline", "import", *words, "--minutes", MINUTES), *RUN_AND_PROMOTE)
    started = time.perf_counter()
    for command in commands:
        code, output = run_words(command, clone, clone_environment())
        if code:
            reason = f"`{' '.join(command)}` ended with exit code {code}:\n{output[-2000:]}"
            return Outcome(reason, float("nan"), time.perf_counter() - started)
    time_s = time.perf_counter() - started
    scores = json.loads((clone / "work" / SCORES).read_text())
    gain = scores["metrics"]["mean_iou"]["value"] - scores["baseline"]["mean_iou"]
    slow = f"took {time_s:.0f} s, expected less than {MAX_S}" if time_s >= MAX_S else ""
    low = f"mean IoU is {gain:.3f} above the baseline, expected {MIN_GAIN}" if not gain >= MIN_GAIN else ""
    return Outcome(slow or low, gain, time_s)


if __name__ == "__main__":
    main()
