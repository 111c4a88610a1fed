"""Scores between epochs."""

import keras
import numpy as np
import pytest

from pipeline.dataset.packed import Packed
from pipeline.networks.unet import build_unet
from pipeline.training.trainer import Trainer
from pipeline.training.validation_scores import score_packed
from pipeline.vision.confusion import confusion, mean_iou


@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_scores_do_not_depend_on_the_batches(batch_size: int) -> None:
    """Whatever the batch size, the scores are those of the whole split at once; ignored pixels are left out."""
    keras.utils.set_random_seed(0)
    unet = build_unet(
        num_classes=3, num_levels=1, width=4, dropout=0.0, channel_mean=(99, 99, 99), channel_std=(80, 80, 80)
    )
    trainer = Trainer(unet, np.ones(3, np.float32), 0.0, (8, 8), 255)
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (5, 8, 8, 3), np.uint8)
    masks = random.integers(0, 3, (5, 8, 8), np.uint8)
    masks[:, 0] = 255
    pred = np.argmax(unet(images.astype(np.float32)), -1).astype(np.uint8)
    scores = score_packed(trainer, Packed(images, masks), 3, batch_size)
    assert scores.mean_iou == mean_iou(confusion(masks, pred, 3, 255))
    assert scores.loss == pytest.approx(float(trainer.loss_of(masks.astype(np.int32), unet(images))), rel=1e-4)
