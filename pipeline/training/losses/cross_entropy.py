"""Cross-entropy with a weight for each class."""

from typing import Any


def cross_entropy(targets: Any, logits: Any, class_weights: Any, ignore_id: int) -> Any:
    """Weighted mean of the pixels' cross-entropy: sum(w[t] * -log p[t]) / sum(w[t]) over the counted pixels.

    Args:
        targets: (N, H, W) int32 class ids, `ignore_id` where not counted.
        logits: (N, H, W, K) float32.
        class_weights: (K,) float32.
        ignore_id: the id that is left out.

    Returns:
        A float32 scalar, natural logarithm; 0 where no pixel is counted.
    """
    from keras import ops

    counted = targets != ignore_id
    ids = ops.where(counted, targets, 0)
    weights = ops.take(class_weights, ids) * ops.cast(counted, "float32")
    losses = -ops.squeeze(ops.take_along_axis(ops.log_softmax(logits), ids[..., None], axis=-1), -1)
    return ops.sum(weights * losses) / ops.maximum(ops.sum(weights), 1e-6)
