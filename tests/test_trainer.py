"""One optimiser step."""

from typing import Any

import keras
import numpy as np
import pytest

from pipeline.trainer import Trainer, build_optimizer
from pipeline.unet import build_unet

IDENTITY = np.array([1, 0, 0, 0, 1, 0, 0, 0], np.float32)


def batch() -> dict[str, Any]:
    """Two images, the left half dark and class 0, the right half bright and class 1; a column is ignored."""
    masks = np.zeros((2, 16, 16), np.uint8)
    masks[:, :, 8:] = 1
    images = np.repeat(masks[..., None] * 200, 3, -1).astype(np.uint8)
    masks[:, :, 0] = 255
    colours = np.tile(np.array([0, 1, 1], np.float32), (2, 1))
    return {"images": images, "masks": masks, "matrices": np.tile(IDENTITY, (2, 1)), "colours": colours}


def test_the_loss_falls() -> None:
    """Twenty steps on two easy images halve the loss."""
    keras.utils.set_random_seed(0)
    unet = build_unet(
        num_classes=2, num_levels=1, width=4, dropout=0.0, channel_mean=(99, 99, 99), channel_std=(80, 80, 80)
    )
    trainer = Trainer(unet, np.ones(2, np.float32), 0.5, (16, 16), 255)
    optimizer = build_optimizer(learning_rate=0.02, weight_decay=0.01, clip_norm=1.0, num_steps=20, num_warmup_steps=2)
    trainer.compile(optimizer=optimizer, jit_compile=False)
    losses = [trainer.train_on_batch(batch(), return_dict=True)["loss"] for _ in range(20)]
    trainer.reset_metrics()
    assert trainer.train_on_batch(batch(), return_dict=True)["loss"] < losses[0] / 2


@pytest.mark.parametrize(("step", "rate"), [(0, 0.0), (5, 0.05), (10, 0.1), (60, 0.05), (110, 0.0)])
def test_learning_rate_warms_up_and_decays(step: int, rate: float) -> None:
    """Linear over 10 steps to the peak, then half a cosine over 100 to 0."""
    optimizer = build_optimizer(learning_rate=0.1, weight_decay=0, clip_norm=1, num_steps=110, num_warmup_steps=10)
    assert float(optimizer._learning_rate(step)) == pytest.approx(rate, abs=1e-7)


def test_without_warm_up_the_peak_comes_first() -> None:
    """No warm-up: the first step has the whole learning rate."""
    optimizer = build_optimizer(learning_rate=0.1, weight_decay=0, clip_norm=1, num_steps=10, num_warmup_steps=0)
    assert float(optimizer._learning_rate(0)) == pytest.approx(0.1)
