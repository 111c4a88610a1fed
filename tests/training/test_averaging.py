"""The average of a network's weights, on each backend."""

import importlib.util
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from pipeline.training.averaging import average_of, follow
from tests.layout import ROOT
from tests.networks.small import SMALL, build
from tests.training.test_trainer import TWO_DEVICES, batch, build_trainer

LEARN = """
import json, keras, numpy as np
from tests.training.test_trainer import batch, build_trainer
def learn():
    trainer = build_trainer(ema_decay=0.3)
    weights, means = [], []
    for _ in range(5):
        trainer.learn(batch())
        weights.append([float(np.sum(weight)) for weight in trainer.network.get_weights()])
        means.append([float(np.sum(mean)) for mean in trainer.average.get_weights()])
    return weights, means
"""
PRINT = "print(json.dumps(learn()))"


def test_the_average_follows_every_weight() -> None:
    """Against a loop: the first steps forget the start, the later ones decay as they should; moments take part."""
    network = build("unet", SMALL["unet"])
    average = average_of(network)
    means = [np.array(weight) for weight in network.get_weights()]
    random = np.random.default_rng(0)
    for step, decay in enumerate((1 / 10, 2 / 11, 3 / 12, 0.26, 0.26), 1):
        weights = [random.normal(size=mean.shape).astype(np.float32) for mean in means]
        network.set_weights(weights)
        follow(average, network, 0.26, step)
        means = [decay * mean + (1 - decay) * weight for mean, weight in zip(means, weights, strict=True)]
    for mean, expected in zip(average.get_weights(), means, strict=True):
        np.testing.assert_allclose(mean, expected, rtol=1e-5, atol=1e-6)
    assert not average.trainable_variables and len(means) > len(network.trainable_variables)


@pytest.mark.e2e
def test_training_goes_on_with_the_raw_weights_and_scores_are_of_the_average() -> None:
    """An average changes no bit of the steps; it is scored, and its moments are not those of the network."""
    plain, averaged = build_trainer(), build_trainer(ema_decay=0.9)
    assert [averaged.learn(batch()) for _ in range(4)] == [plain.learn(batch()) for _ in range(4)]
    for ours, theirs in zip(averaged.network.get_weights(), plain.network.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert plain.scored is plain.network and averaged.scored is averaged.average
    for mean, weight in zip(averaged.average.get_weights(), averaged.network.get_weights(), strict=True):
        assert not np.array_equal(mean, weight)


def learn_elsewhere(program: str, backend: str) -> list[list[np.ndarray]]:
    """The sums of weights and averages after each step of a program's training."""
    environment = os.environ | {"KERAS_BACKEND": backend}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return [[np.array(sums) for sums in steps] for steps in json.loads(done.stdout.splitlines()[-1])]


@pytest.mark.e2e
@pytest.mark.parametrize("way", ["tensorflow", "jax", "two devices"])
def test_each_backend_averages_after_each_step(way: str) -> None:
    """The averages are those that follow from the weights after each step, on one device and on two."""
    if way == "jax" and not importlib.util.find_spec("jax"):
        pytest.skip("JAX is not installed")
    program = f"{TWO_DEVICES}{LEARN}with two.scope():\n    {PRINT}" if way == "two devices" else LEARN + PRINT
    weights, means = learn_elsewhere(program, "jax" if way == "jax" else "tensorflow")
    for step in range(2, 6):
        decay = min(0.3, step / (step + 9))
        expected = decay * means[step - 2] + (1 - decay) * weights[step - 1]
        np.testing.assert_allclose(means[step - 1], expected, rtol=1e-3, atol=1e-4)
