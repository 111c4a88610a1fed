"""Models of a few bytes to publish, and publishers in processes of their own."""

import subprocess
import sys
from pathlib import Path

from pipeline.publishing.champion import open_place
from pipeline.publishing.place import Place, hash_file
from pipeline.publishing.publication import make_whole, prepared, remove_older
from pipeline.publishing.record import GRAPH, Record
from pipeline.publishing.signature import read_signing_key

NAMES = (GRAPH, "segline.json", "variables/variables.data-00000-of-00001", "variables/variables.index")
MODEL = "segline"
EVENTS = ("shutil.copyfile", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "http.client.send")
"""Python's audit events at which a publisher may be killed."""
KILLED = f"""
import os, signal, sys
from pathlib import Path
from tests.publications import publish_files
left = int(sys.argv[3])
def count(event, _):
    global left
    if event in {EVENTS}:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(count)
publish_files(sys.argv[1], Path(sys.argv[2]), int(sys.argv[4]), keep=1)
"""


def write_files(folder: Path, content: str) -> Path:
    """Writes files with the names of a SavedModel's, each with its own name and `content` in it."""
    for name in NAMES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"{name} of {content}")
    return folder


def record_of(model: Path, number: int) -> Record:
    """The record of a model in a folder, as version 7."""
    sha256 = {path.relative_to(model).as_posix(): hash_file(path) for path in model.rglob("*") if path.is_file()}
    return Record(MODEL, 7, number, "c" * 40, "d" * 32, "e" * 32, sha256)


def publish_files(destination: str, model: Path, number: int, keep: int = 5) -> tuple[str, tuple[int, ...]]:
    """Publishes the files of a folder; gives what had to be done and what was removed."""
    place = open_place(destination, MODEL)
    record = record_of(model, number)
    with place.alone(), prepared(model, record, read_signing_key()) as files:
        return make_whole(place, record, files), remove_older(place, record, keep)


def read_all(place: Place) -> dict[str, bytes]:
    """The content of each file of a place."""
    return {path: place.read(path, 1 << 20) for path in place.list_files()}


def is_killed(destination: str, model: Path, event: int, number: int) -> bool:
    """Publishes in a process that is killed at its `event`-th event; False if it ended before."""
    words = [destination, str(model), str(event), str(number)]
    done = subprocess.run([sys.executable, "-c", KILLED, *words], capture_output=True, text=True, check=False)
    assert done.returncode in (0, -9), done.stderr
    return done.returncode == -9
