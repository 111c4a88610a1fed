"""Faults of a team's set-up, each injected into a scheduled run: is the next run green, and is anything lost?

`python -m tests.benchmarks.faults [WORD ...]`: with words, the faults whose name holds one of them. The last line is a
JSON object: `kinds` of faults, `survived` (the run ended well, or said in a sentence why it failed, and the next run
ended well), and `lost`, the number of things that are missing, doubled or half-written.
"""

import json
import logging
import sys
import tempfile
import time
from pathlib import Path

import pytest

import tests.conftest  # the environment of the tests
from tests.faults.place import made_place
from tests.faults.table import FAULTS
from tests.faults.trial import try_fault


def main(words: list[str]) -> None:
    """Tries the faults and counts."""
    from moto.server import ThreadedMotoServer

    assert tests.conftest
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it prints each request
    host, port = moto.get_host_and_port()
    counts = {"kinds": 0, "survived": 0, "lost": 0}
    with tempfile.TemporaryDirectory() as folder, made_place(Path(folder), f"http://{host}:{port}") as place:
        for name in (name for name in FAULTS if not words or any(word in name for word in words)):
            began = time.monotonic()
            try:
                trial = try_fault(place, name)
            except pytest.skip.Exception as err:
                print(f"{name}: skipped, {err}", flush=True)
                continue
            counts["kinds"] += 1
            counts["survived"] += trial.is_survived
            counts["lost"] += len(trial.lost)
            message = [line for line in trial.during.output.splitlines() if line.startswith("error: ")]
            seconds = time.monotonic() - began
            print(f"{name}: {trial.during.code}, then {trial.after.code}, {seconds:.0f} s {message}", flush=True)
            if trial.lost or not trial.is_survived:
                print(trial.during.output, trial.after.output, *trial.lost, sep="\n", flush=True)
    moto.stop()
    print(json.dumps(counts))


if __name__ == "__main__":
    main(sys.argv[1:])
