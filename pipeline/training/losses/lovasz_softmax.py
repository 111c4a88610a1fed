"""The Lovász extension of the Jaccard loss: a surrogate of 1 - IoU that has a gradient."""

from typing import Any


def lovasz_softmax(targets: Any, logits: Any, class_weights: Any, ignore_id: int) -> Any:
    """Lovász-softmax of each class over the batch (Berman et al., 2018), mean over the classes present.

    The errors |t - p| of all counted pixels are sorted, so a step costs more than with the other losses. In [0, 1]; 0
    if no pixel is counted. `class_weights` is not used. For shapes see `Loss`.
    """
    from keras import ops

    num_classes = logits.shape[-1]
    counted = ops.cast(targets != ignore_id, "float32")[..., None]
    truth = ops.one_hot(ops.where(targets != ignore_id, targets, 0), num_classes, dtype="float32") * counted
    truth = ops.transpose(ops.reshape(truth, (-1, num_classes)))
    errors = ops.abs(truth - ops.transpose(ops.reshape(ops.softmax(logits) * counted, (-1, num_classes))))
    order = ops.argsort(-errors, axis=-1)  # pixels that are left out have the error 0, and so no share in the sum
    errors, sorted_truth = ops.take_along_axis(errors, order, -1), ops.take_along_axis(truth, order, -1)
    in_class = ops.sum(truth, -1, keepdims=True)
    intersection = in_class - ops.cumsum(sorted_truth, -1)
    union = in_class + ops.cumsum(1 - sorted_truth, -1)
    jaccard = 1 - intersection / ops.maximum(union, 1.0)
    steps = ops.concatenate([jaccard[:, :1], jaccard[:, 1:] - jaccard[:, :-1]], -1)
    losses = ops.sum(errors * ops.stop_gradient(steps), -1)
    present = ops.cast(in_class[:, 0] > 0, "float32")
    return ops.sum(losses * present) / ops.maximum(ops.sum(present), 1.0)
