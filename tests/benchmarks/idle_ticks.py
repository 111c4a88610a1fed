"""What a scheduled run costs that finds nothing new: seconds, and bytes that it leaves in the project.

The runs are whole processes (`segline schedule --now`) one after the other, against one Prefect server, whose own
records are not counted. `python -m tests.benchmarks.idle_ticks [TICKS]`; the default is 200.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import chdir
from pathlib import Path

from flows.server import prefect_server
from tests.flows.tiny_team import write_team

SETTINGS = (".dvc/config", ".dvc/.gitignore", ".dvcignore", ".gitignore", "params.yaml")
ROOT = Path(__file__).parents[2]
NUM_TICKS = 200
PERSON = {f"GIT_{role}_{part}": "person@localhost" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}


def main() -> None:
    """Prints one JSON object: ticks, the longest and the median seconds of one, and the bytes left by all."""
    num_ticks = int(sys.argv[1]) if sys.argv[1:] else NUM_TICKS
    with tempfile.TemporaryDirectory() as name, chdir(name):
        folder = Path(name)
        os.environ.update(PERSON | {"PREFECT_HOME": str(folder / "prefect")})
        with prefect_server():
            make_project(folder / "project")
            with chdir(folder / "project"):
                tick(expected="rejected by the gate")
                tick(expected="skipped: no change")
                before = size_of(Path())
                seconds = [tick(expected="skipped: no change") for _ in range(num_ticks)]
                left = size_of(Path()) - before
    longest, median = round(max(seconds), 2), round(statistics.median(seconds), 2)
    print(json.dumps({"ticks": num_ticks, "seconds_per_tick": longest, "median": median, "bytes_left": left}))


def make_project(project: Path) -> None:
    """A person's clone with its remotes beside it."""
    for name in SETTINGS:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_bytes((ROOT / name).read_bytes())
    with chdir(project):
        subprocess.run(["git", "init", "--quiet"], check=True)
        write_team(project, project.parent)


def tick(expected: str) -> float:
    """Seconds of a scheduled run, whose output has to hold some words."""
    begin = time.monotonic()
    command = [sys.executable, "-m", "segline.command", "schedule", "--now"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - begin
    if expected not in done.stdout + done.stderr:
        raise SystemExit(done.stdout + done.stderr)
    return seconds


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


if __name__ == "__main__":
    main()
