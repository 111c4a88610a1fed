"""Makes a registered version again from its commit, data and packages, and compares every output."""

import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.evaluation.scores import SCORES, Scores
from pipeline.promotion.noise_floor import read_noise_floor
from pipeline.provenance.registered import Registered, opened_version
from pipeline.registry.client import Version
from pipeline.registry.lineage import DVC_LOCK, read_lock
from pipeline.registry.run_record import HISTORY, SUMMARY, read_history, read_training
from pipeline.reproduction.differences import Output, compare_outputs, first_difference
from pipeline.reproduction.rebuild import build_environment, check_out, finish, list_other_packages, run_stages
from pipeline.runtime.locks import only_one
from pipeline.text import shown, some
from pipeline.training.machine import differences, list_packages

NUM_SHOWN = 12  # digits of an MD5


@dataclass(frozen=True)
class Reproduction:
    """A version that was made again.

    Attributes:
        version: that was made again.
        folder: with the outputs.
        outputs: each output of each stage.
        difference: where the first difference is; empty if all outputs are equal.
        machines: how the machines of the two trainings differ; empty if they are of one kind.
        mean_ious: of the registered and of the new model.
        tolerance: the difference of mean IoU that seeds alone make, or half of the interval of the registered one.
    """

    version: Version
    folder: Path
    outputs: tuple[Output, ...]
    difference: str
    machines: str
    mean_ious: tuple[float, float]
    tolerance: float

    @property
    def agrees(self) -> bool:
        """True if all outputs are equal; on another kind of machine, if mean IoU is within the tolerance."""
        is_near = abs(self.mean_ious[0] - self.mean_ious[1]) <= self.tolerance
        return not self.difference or (bool(self.machines) and is_near)


def reproduce(model: str, *, here: bool = False) -> Reproduction:
    """See `segline.reproduce`."""
    with only_one("reproduce"), opened_version(model) as registered:
        folder = check_out(registered)
        others = list_other_packages(registered, list_packages())
        python = Path(sys.executable)
        if others and not here:
            print(f"the version's own environment is made, for here {some(others)}", flush=True)
            python = build_environment(registered, folder, print)
        run_stages(folder, python, lambda line: print(line, flush=True))
        reproduction = _compare(registered, folder)
        finish(folder)
        return reproduction


def _compare(registered: Registered, folder: Path) -> Reproduction:
    stages, made = registered.stages or {}, read_lock(folder / DVC_LOCK)
    histories = (read_history(registered.folder / "train" / HISTORY.name), read_history(folder / HISTORY))
    trainings = [read_training(path) for path in (registered.folder / "train" / SUMMARY.name, folder / SUMMARY)]
    scores = [Scores.read(registered.folder / "evaluate" / SCORES.name), Scores.read(folder / SCORES)]
    return Reproduction(
        registered.version,
        folder,
        compare_outputs(stages, made),
        first_difference(stages, made, histories),
        differences([machine for training in trainings for machine in training.machines]),
        (scores[0].mean_iou, scores[1].mean_iou),
        _find_tolerance(registered, scores[0]),
    )


def _find_tolerance(registered: Registered, scores: Scores) -> float:
    noise = read_noise_floor()
    if noise and noise.params_md5 == registered.values.get("params_md5"):
        return noise.floor
    interval = scores.metrics["mean_iou"].interval
    return (interval.high - interval.low) / 2


def show(reproduction: Reproduction) -> None:
    """Prints a row for each output and the result; ends the program with exit code 1 if it does not agree."""
    table = Table("stage", "output", "registered", "made again", "", title=Text(str(reproduction.version)), box=None)
    for out in reproduction.outputs:
        md5s = (str(md5)[:NUM_SHOWN] for md5 in (out.registered, out.found))
        cells = (out.stage, out.path, *md5s, "equal" if out.is_equal else "differs")
        table.add_row(*(Text(shown(cell)) for cell in cells))
    Console().print(table)
    registered, made = reproduction.mean_ious
    print(f"mean IoU {made:.4f}, registered {registered:.4f}; outputs are in {reproduction.folder}")
    if not reproduction.difference:
        print("every output has the same bytes")
        return
    print(f"first difference: {shown(reproduction.difference)}")
    if reproduction.machines:
        word = "within" if reproduction.agrees else "beyond"
        print(f"the machines differ ({shown(reproduction.machines)}); mean IoU is {word} {reproduction.tolerance:.4f}")
    if not reproduction.agrees:
        sys.exit(1)
