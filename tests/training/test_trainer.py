"""Optimiser steps, and scores between epochs."""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline.dataset.packed import Packed
from pipeline.networks.unet import build_unet
from pipeline.training.losses.table import LOSSES
from pipeline.training.trainer import Trainer, build_optimizer
from pipeline.vision.confusion import confusion, iou_per_class, mean_iou
from tests.layout import ROOT

TWO_DEVICES = """
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
"""
ON_DEVICES = f"""{TWO_DEVICES}
import contextlib, json
from tests.training.test_trainer import batch, build_trainer, mixed_batch
losses = []
for scope in (contextlib.nullcontext(), two.scope()):
    with scope:
        trainer = build_trainer(auxiliary_weight=0.4)
    losses.append([trainer.learn(make()) for make in (batch, batch, mixed_batch)])
print(json.dumps(losses))
"""
LOSS = {"cross_entropy": 0.5, "soft_dice": 0.5}
IDENTITY = np.array([1, 0, 0, 0, 1, 0, 0, 0], np.float32)


def batch() -> dict[str, Any]:
    """Two images, the left half dark and class 0, the right half bright and class 1; a column is ignored."""
    masks = np.zeros((2, 16, 16), np.uint8)
    masks[:, :, 8:] = 1
    images = np.repeat(masks[..., None] * 200, 3, -1).astype(np.uint8)
    masks[:, :, 0] = 255
    colours = np.tile(np.array([0, 1, 1], np.float32), (2, 1))
    return {"images": images, "masks": masks, "matrices": np.tile(IDENTITY, (2, 1)), "colours": colours}


def mixed_batch() -> dict[str, Any]:
    """The same with the dark pixels of the mirrored images pasted over the bright ones."""
    plain = batch()
    others = {f"other_{name}": array for name, array in plain.items()}
    others["other_images"], others["other_masks"] = plain["images"][:, :, ::-1], plain["masks"][:, :, ::-1]
    return {**plain, **others, "pasted": np.array([[True, False, False]] * 2)}


def build_trainer(loss: Mapping[str, float] = LOSS, ema_decay: float = 0.0, auxiliary_weight: float = 0.0) -> Trainer:
    """A small network and twenty steps' schedule, from a seed."""
    keras.utils.set_random_seed(0)
    network = build_unet(
        num_classes=2, num_levels=1, width=4, dropout=0.0, channel_mean=(99, 99, 99), channel_std=(80, 80, 80)
    )
    options = (255, 0.0, ema_decay, auxiliary_weight, ("bottomb_relu",))
    trainer = Trainer(network, np.ones(2, np.float32), loss, (16, 16), *options)
    optimizer = build_optimizer(learning_rate=0.02, weight_decay=0.01, clip_norm=1.0, num_steps=20, num_warmup_steps=2)
    trainer.compile(optimizer=optimizer, jit_compile=False)
    return trainer


@pytest.mark.e2e
@pytest.mark.parametrize("loss", [LOSS, *({name: 1.0} for name in LOSSES)], ids="-".join)
def test_the_loss_falls(loss: Mapping[str, float]) -> None:
    """Twenty steps on two easy images halve the loss, and each loss alone."""
    trainer = build_trainer(loss)
    losses = [trainer.learn(batch()) for _ in range(20)]
    assert trainer.learn(batch()) < losses[0] / 2


def test_coarser_logits_have_a_loss_of_their_own() -> None:
    """The loss is that of the logits, and the weight times that of the coarser ones; their kernels learn."""
    trainer = build_trainer(auxiliary_weight=0.5)
    assert trainer.auxiliary
    before = [np.array(variable) for variable in trainer.side_variables]
    images, targets = trainer._transform(batch(), "")
    logits, coarse = trainer.auxiliary(images, training=True)
    middle = np.asarray(targets)[:, 1::2, 1::2]
    expected = float(trainer.loss_of(targets, logits) + 0.5 * trainer.loss_of(middle, coarse))
    trainer.optimizer.build(trainer.trainable_variables)
    trainer.learn(batch())  # at a learning rate of 0
    assert trainer.learn(batch()) == pytest.approx(expected, rel=1e-5)
    trainer.learn(batch())
    after = [np.array(variable) for variable in trainer.side_variables]
    assert len(after) == 2 and all((one != other).any() for one, other in zip(before, after, strict=True))


@pytest.mark.e2e
def test_two_devices_learn_what_one_learns() -> None:
    """Each of two devices takes its part of the batch; with equal parts the losses are those of one device."""
    shown = subprocess.run([sys.executable, "-c", ON_DEVICES], cwd=ROOT, capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    one, two = json.loads(shown.stdout.splitlines()[-1])
    np.testing.assert_allclose(one, two, rtol=2e-3)  # the smoothing of Dice counts once for each device


@pytest.mark.parametrize(("step", "rate"), [(0, 0.0), (5, 0.05), (10, 0.1), (60, 0.05), (110, 0.0)])
def test_learning_rate_warms_up_and_decays(step: int, rate: float) -> None:
    """Linear over 10 steps to the peak, then half a cosine over 100 to 0."""
    optimizer = build_optimizer(learning_rate=0.1, weight_decay=0, clip_norm=1, num_steps=110, num_warmup_steps=10)
    assert float(optimizer._learning_rate(step)) == pytest.approx(rate, abs=1e-7)


def test_without_warm_up_the_peak_comes_first() -> None:
    """No warm-up: the first step has the whole learning rate."""
    optimizer = build_optimizer(learning_rate=0.1, weight_decay=0, clip_norm=1, num_steps=10, num_warmup_steps=0)
    assert float(optimizer._learning_rate(0)) == pytest.approx(0.1)


def after_five_steps(optimizer: Any, compiled: bool) -> np.ndarray:
    """A kernel (12,) and a bias (3,), which does not decay, after steps on random gradients."""
    kernel, bias = keras.Variable(np.linspace(-1, 1, 12), name="kernel"), keras.Variable(np.ones(3), name="bias")
    optimizer.build([kernel, bias])

    def apply(gradients: list[Any]) -> None:
        optimizer.apply(gradients, [kernel, bias])

    step, random = tf.function(apply) if compiled else apply, np.random.default_rng(0)
    for _ in range(5):
        step([tf.constant(random.normal(size=size), tf.float32) for size in (12, 3)])
    return np.concatenate([kernel.numpy(), bias.numpy()])


@pytest.mark.parametrize("compiled", [False, True])
def test_a_step_is_that_of_keras_to_rounding(compiled: bool) -> None:
    """Five steps with warm-up, clipping and decay."""
    ours = build_optimizer(learning_rate=0.1, weight_decay=0.3, clip_norm=1.0, num_steps=5, num_warmup_steps=2)
    theirs = keras.optimizers.AdamW.from_config(ours.get_config())
    theirs.exclude_from_weight_decay(var_names=["bias"])
    expected = after_five_steps(theirs, compiled)
    rounding = 5 * 0.1 * 1.3e-5 / 2  # five steps of 0.1 at most, and the root of 1 - 0.999 in float32
    np.testing.assert_allclose(after_five_steps(ours, compiled), expected, rtol=0, atol=rounding)
    assert np.abs(expected[12:] - 1).min() > 0.01


@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_scores_do_not_depend_on_the_batches(batch_size: int) -> None:
    """Whatever the batch size, the scores are those of the whole split at once; ignored pixels are left out."""
    keras.utils.set_random_seed(0)
    network = build_unet(
        num_classes=3, num_levels=1, width=4, dropout=0.0, channel_mean=(99, 99, 99), channel_std=(80, 80, 80)
    )
    trainer = Trainer(network, np.ones(3, np.float32), {"cross_entropy": 1.0}, (8, 8), 255, 0.0, 0.0)
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (5, 8, 8, 3), np.uint8)
    masks = random.integers(0, 3, (5, 8, 8), np.uint8)
    masks[:, 0] = 255
    pred = np.argmax(network(images.astype(np.float32)), -1).astype(np.uint8)
    masks[masks == 2] = 1
    scores = trainer.score(Packed(images, masks), batch_size, [3, 1])
    assert scores.mean_iou == mean_iou(confusion(masks, pred, 3, 255))
    np.testing.assert_array_equal(scores.iou[:2], iou_per_class(confusion(masks, pred, 3, 255))[:2])
    assert np.isnan(scores.iou[2])  # no label has it, whatever is predicted
    np.testing.assert_array_equal(scores.preds, pred[[3, 1]])
    assert scores.loss == pytest.approx(float(trainer.loss_of(masks.astype(np.int32), network(images))), rel=1e-4)
