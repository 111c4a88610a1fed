"""Hostile and odd inputs, each fed to the real command or stage: accepted rightly, refused clearly, or harmful.

`clear` counts the inputs that ended as they should: accepted with the right result, or refused with exit code 1 to 3
and a message that names the input, without a traceback, within the time limit. `harm` counts the inputs after which
something outside of the project was changed, a secret (a file outside, the environment) had come into the project or
the output, a half-written folder was left, a process lived on, or a refused command had changed what it must not.

Each input gets a fresh copy of a small project and a process of its own, forked from one that has imported all
libraries, with limits of time and memory. The inputs are in `hostile_inputs`.

Usage: `python -m tests.benchmarks.hostile [WORD ...]`: with words, the inputs whose name holds one of them.
The last line is a JSON object.
"""

import json
import os
import subprocess
import sys
import tempfile
from threading import Thread

from tests.benchmarks.hostile_inputs import bombs, contracts, data, environment, faults, links, names, params, registry
from tests.benchmarks.hostile_inputs.case import Case

NUM_WORKERS = 2
SECRET_VARIABLE = "AWS_SECRET_ACCESS_KEY"
FAMILIES = (data, params, contracts, registry, names, links, bombs, environment, faults)
CASES = tuple(case for family in FAMILIES for case in family.CASES)


def chosen(words: list[str]) -> list[Case]:
    """The cases whose name holds one of the words; all where there are none."""
    return [case for case in CASES if not words or any(word in case.name for word in words)]


def run_worker(number: int, words: list[str], results: dict[str, dict[str, str]]) -> None:
    """Runs every `NUM_WORKERS`th case in another process, which writes a JSON line for each."""
    with tempfile.TemporaryDirectory(prefix="hostile") as folder:
        command = [sys.executable, "-m", "tests.benchmarks.hostile_worker", folder, str(number), str(NUM_WORKERS)]
        variables = {**os.environ, SECRET_VARIABLE: f"secret{os.urandom(16).hex()}"}
        with (
            tempfile.TemporaryFile("w+") as log,
            subprocess.Popen([*command, *words], env=variables, stdout=subprocess.PIPE, stderr=log, text=True) as child,
        ):
            for line in child.stdout or ():
                result = json.loads(line)
                results[result["name"]] = result
                if result["unclear"] or result["harm"]:
                    told = f"HARM: {result['harm']}" if result["harm"] else result["unclear"]
                    print(f"{result['name']}: {told}", flush=True)
            if child.wait():
                log.seek(0)
                print(log.read()[-3000:], file=sys.stderr)


def main(words: list[str]) -> None:
    """Runs the cases and counts."""
    cases = chosen(words)
    assert len({case.name for case in CASES}) == len(CASES), "two inputs have one name"
    results: dict[str, dict[str, str]] = {}
    threads = [Thread(target=run_worker, args=(number, words, results)) for number in range(NUM_WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for case in cases:
        if case.name not in results:
            print(f"{case.name}: HARM: the process that runs the inputs ended before")
    harm = [case for case in cases if case.name not in results or results[case.name]["harm"]]
    clear = [case for case in cases if case.name in results and not results[case.name]["unclear"]]
    print(json.dumps({"tried": len(cases), "clear": len(clear), "harm": len(harm)}))


if __name__ == "__main__":
    main(sys.argv[1:])
