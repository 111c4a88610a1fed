"""Time and memory of the stages on this machine, kept apart from DVC's outputs because they differ between runs.

A record names its output by the MD5 of the stage's marker, and does not count for any other output.
"""

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.disk.files import check_writable, md5_of
from pipeline.disk.records import read_record, write_record
from pipeline.runtime.stages import MARKER, PIPELINE, WORK, list_stages

COSTS = Path(".segline/cost")


@dataclass(frozen=True)
class Cost:
    """The cost of a stage.

    Attributes:
        seconds: of its last run; of a continued training the last part.
        peak_mb: most memory of the process on the host, in MB of 10^6 bytes.
    """

    stage: str
    seconds: float
    peak_mb: float
    marker_md5: str


@contextmanager
def cost_recorded(stage: str, work: Path = WORK, folder: Path = COSTS) -> Iterator[None]:
    """Writes the cost of the block, which writes the stage's marker, unless it raises.

    Raises:
        StageError: `folder` cannot be written to; raised before the block runs.
    """
    check_writable(folder)
    started = time.monotonic()
    yield
    cost = Cost(
        *(stage, round(time.monotonic() - started, 1), peak_mb(resource.RUSAGE_SELF)),
        marker_md5=md5_of(work / stage / MARKER),
    )
    write_record(folder / f"{stage}.json", cost)


def peak_mb(who: int) -> float:
    """Most memory that this process, or the largest of its ended children, held, in MB of 10^6 bytes.

    `who` is `resource.RUSAGE_SELF` or `RUSAGE_CHILDREN`.
    """
    unit = 1e6 if sys.platform == "darwin" else 1e3  # macOS counts bytes, Linux KB
    return round(resource.getrusage(who).ru_maxrss / unit, 1)


def read_costs(work: Path = WORK, folder: Path = COSTS, pipeline: Path = PIPELINE) -> list[Cost]:
    """The costs of the outputs in `work`, in the order of `dvc.yaml`, without records of other outputs.

    Raises:
        EvidenceError: a record is damaged.
        StageError: there are records, but `dvc.yaml` is missing.
    """
    records = {path.stem: path for path in folder.glob("*.json")}
    costs = []
    for stage in list_stages(pipeline) if records else []:
        marker = work / stage / MARKER
        if stage in records and marker.is_file():
            cost = read_record(records[stage], Cost, f"the stage `{stage}`")
            costs += [cost] if cost.marker_md5 == md5_of(marker) else []
    return costs
