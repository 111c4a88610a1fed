"""Each network and each loss, from packed arrays to a SavedModel."""

import json
import subprocess
import sys

import pytest

from tests.benchmarks.networks import TRIALS


@pytest.mark.e2e
def test_each_network_and_loss_learns_and_its_export_agrees() -> None:
    """After twelve epochs it is better than the majority class, and the SavedModel gives its probabilities."""
    command = (sys.executable, "-m", "tests.benchmarks.networks")  # its own process: TensorFlow's threads are set once
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert json.loads(done.stdout.splitlines()[-1]) == dict.fromkeys(("trained", "exported", "of"), len(TRIALS))
