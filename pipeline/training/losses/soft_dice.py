"""The Dice coefficient of probabilities, as a loss."""

from typing import Any

SMOOTH = 1.0
"""Pixels added to both parts of the Dice coefficient; keeps it finite for an empty class."""


def soft_dice(targets: Any, logits: Any, class_weights: Any, ignore_id: int) -> Any:
    """1 - Dice coefficient of each class over the batch (Milletari et al., 2016), mean over the classes present.

    In [0, 1]; 0 if no pixel is counted. `class_weights` is not used: Dice counts all classes alike. For shapes see
    `Loss`.
    """
    from keras import ops

    counted = ops.cast(targets != ignore_id, "float32")[..., None]
    truth = ops.one_hot(ops.where(targets != ignore_id, targets, 0), logits.shape[-1], dtype="float32") * counted
    probs = ops.exp(ops.log_softmax(logits)) * counted  # beside a cross-entropy no second pass
    axes = (0, 1, 2)
    both, either = ops.sum(truth * probs, axes), ops.sum(truth, axes) + ops.sum(probs, axes)
    dice = (2 * both + SMOOTH) / (either + SMOOTH)
    present = ops.cast(ops.sum(truth, axes) > 0, "float32")
    return ops.sum((1 - dice) * present) / ops.maximum(ops.sum(present), 1.0)
