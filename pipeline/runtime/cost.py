"""What the stages cost on this machine: time and memory. Kept beside DVC's outputs, because no two runs cost the same.

A record names what it paid for by the MD5 of a file that the stage wrote: of another output it tells nothing.
"""

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.disk.files import check_writable, md5_of, write_json
from pipeline.disk.records import read_record

COSTS = Path(".segline/cost")
MARKERS = {
    "validate": "manifest.csv",
    "preprocess": "fingerprint.json",
    "train": "history.csv",
    "export": "parity.json",
    "evaluate": "scores.json",
}
"""The file of each stage's folder that stands for its output."""


@dataclass(frozen=True)
class Cost:
    """What a stage cost.

    Attributes:
        stage: its name.
        seconds: from start to end of its last run; of a continued training the last part.
        peak_mb: most memory of the process on the host, in MB of 10^6 bytes.
        marker_md5: of the file that stands for its output.
    """

    stage: str
    seconds: float
    peak_mb: float
    marker_md5: str


@contextmanager
def cost_recorded(stage: str, work: Path = Path("work"), folder: Path = COSTS) -> Iterator[None]:
    """Keeps what the block cost, where it ends well and has written the stage's marker.

    Raises:
        StageError: nothing can be written to `folder`; before the block runs.
    """
    check_writable(folder)
    started = time.monotonic()
    yield
    marker = work / stage / MARKERS.get(stage, "")
    if marker.is_file():
        unit = 1e6 if sys.platform == "darwin" else 1e3  # macOS counts bytes, Linux KB
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
        seconds = round(time.monotonic() - started, 1)
        write_json(folder / f"{stage}.json", asdict(Cost(stage, seconds, round(peak_mb, 1), md5_of(marker))))


def read_costs(work: Path = Path("work"), folder: Path = COSTS) -> list[Cost]:
    """The costs of what lies in `work`, in the order of the stages; records of other outputs are passed over.

    Raises:
        EvidenceError: a record is damaged.
    """
    found = []
    for stage, name in MARKERS.items():
        record, marker = folder / f"{stage}.json", work / stage / name
        if record.is_file() and marker.is_file():
            cost = read_record(record, Cost, f"the stage `{stage}`")
            found += [cost] if cost.marker_md5 == md5_of(marker) else []
    return found
