"""Counts the images that were validated, by split."""

from collections import Counter

from pipeline.dataset.manifest import read_manifest
from pipeline.runtime.program import run_stage


def main() -> dict[str, int]:
    """The numbers are the stage's summary, `work/count/summary.json`."""
    return dict(sorted(Counter(row.split for row in read_manifest()).items()))


if __name__ == "__main__":
    run_stage("count", main)
