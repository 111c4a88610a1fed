"""The Tversky index of probabilities, as a loss: Dice that counts missed pixels more than false ones."""

from typing import Any

FALSE, MISSED = 0.3, 0.7
"""Weights of false and of missed pixels (Salehi et al., 2017); 0.5 and 0.5 would be Dice."""
SMOOTH = 1.0
"""Pixels added to both parts of the index; keeps it finite for an empty class."""


def tversky(targets: Any, logits: Any, class_weights: Any, ignore_id: int) -> Any:
    """1 - Tversky index of each class over the batch, mean over the classes present.

    The index is (TP + 1) / (TP + 0.3 FP + 0.7 FN + 1) of probabilities. The loss is in [0, 1]; 0 if no pixel is
    counted. `class_weights` is not used. For shapes see `Loss`.
    """
    from keras import ops

    counted = ops.cast(targets != ignore_id, "float32")[..., None]
    truth = ops.one_hot(ops.where(targets != ignore_id, targets, 0), logits.shape[-1], dtype="float32") * counted
    probs = ops.softmax(logits) * counted
    axes = (0, 1, 2)
    hits = ops.sum(truth * probs, axes)
    false, missed = ops.sum(probs, axes) - hits, ops.sum(truth, axes) - hits
    index = (hits + SMOOTH) / (hits + FALSE * false + MISSED * missed + SMOOTH)
    present = ops.cast(ops.sum(truth, axes) > 0, "float32")
    return ops.sum((1 - index) * present) / ops.maximum(ops.sum(present), 1.0)
