"""Scores of a Keras model on a packed split, between epochs."""

from typing import Any, NamedTuple

import keras
import numpy as np

from pipeline.dataset.packed import Packed
from pipeline.training.trainer import Trainer
from pipeline.vision.confusion import confusion, mean_iou, pixel_accuracy


class ValScores(NamedTuple):
    """Scores at the working size.

    Attributes:
        loss: mean of the batches' losses, weighted by their images.
        mean_iou: pooled over the split, mean over the classes present; nan without a counted pixel.
        pixel_accuracy: share of the counted pixels that are right.
    """

    loss: float
    mean_iou: float
    pixel_accuracy: float


def score_packed(trainer: Trainer, packed: Packed, num_classes: int, batch_size: int) -> ValScores:
    """Scores the network on a whole split, without augmentation.

    Args:
        trainer: holds the network and the loss.
        packed: the split.
        num_classes: K.
        batch_size: images at a time.
    """
    matrix = np.zeros((num_classes, num_classes), np.int64)
    total = 0.0
    for start in range(0, len(packed), batch_size):
        images = np.asarray(packed.images[start : start + batch_size], np.float32)
        masks = np.asarray(packed.masks[start : start + batch_size])
        logits: Any = trainer.unet.predict_on_batch(images)
        total += len(images) * float(keras.ops.convert_to_numpy(trainer.loss_of(masks.astype(np.int32), logits)))
        pred = np.argmax(logits, axis=-1).astype(np.uint8)
        matrix += confusion(masks, pred, num_classes, trainer.ignore_id)
    return ValScores(total / len(packed), mean_iou(matrix), pixel_accuracy(matrix))
