"""Each network, the sum of the losses and each option, from packed arrays to a SavedModel."""

import json
import subprocess
import sys

import pytest

from pipeline.networks.table import NETWORKS
from tests.benchmarks.networks import OPTIONS, SUM

SHORT = ("unet", SUM, "train.num_networks")
TRIALS = [pytest.param(name, marks=() if name in SHORT else pytest.mark.long) for name in (*NETWORKS, SUM, *OPTIONS)]
"""The benchmark also tries each loss alone."""


@pytest.mark.e2e
@pytest.mark.parametrize("name", TRIALS)
def test_each_learns_and_its_export_agrees(name: str) -> None:
    """After some epochs it is better than the majority class, and its SavedModel gives its probabilities."""
    command = (sys.executable, "-m", "tests.benchmarks.networks", name)  # TensorFlow's threads are set once a process
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert json.loads(done.stdout.splitlines()[-1]) == dict.fromkeys(("trained", "exported", "of"), 1)
