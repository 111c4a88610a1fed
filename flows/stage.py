"""A stage of `dvc.yaml`, run where it is not fresh, in a process of its own: `python -m flows.stage NAME`."""

import sys

from pipeline.dataset.versions import run_if_stale
from pipeline.runtime.program import run


def main() -> None:
    """Runs the stage in the program's argument."""
    run_if_stale(sys.argv[1])


if __name__ == "__main__":
    run(main)
