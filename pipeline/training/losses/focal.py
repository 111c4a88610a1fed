"""The focal loss of Lin et al. (2017): cross-entropy that counts pixels less that are right already."""

from typing import Any

GAMMA = 2.0
"""The paper's; 0 would be cross-entropy."""


def focal(targets: Any, logits: Any, class_weights: Any, ignore_id: int) -> Any:
    """Mean over the counted pixels of w[t] * (1 - p[t]) ** 2 * -log p[t], with the class weights w; 0 without any.

    For shapes see `Loss`.
    """
    from keras import ops

    counted = ops.cast(targets != ignore_id, "float32")
    ids = ops.where(targets != ignore_id, targets, 0)
    truth = ops.one_hot(ids, logits.shape[-1], dtype="float32")
    log_p = ops.sum(truth * ops.log_softmax(logits), axis=-1)
    losses = -ops.take(class_weights, ids) * (1 - ops.exp(log_p)) ** GAMMA * log_p
    return ops.sum(counted * losses) / ops.maximum(ops.sum(counted), 1.0)
