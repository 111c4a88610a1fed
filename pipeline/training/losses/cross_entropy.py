"""Cross-entropy with a weight for each class."""

from typing import Any


def cross_entropy(targets: Any, logits: Any, class_weights: Any, ignore_id: int, label_smoothing: float = 0.0) -> Any:
    """Weighted mean of the pixels' cross-entropy: sum(w[t] * -log p[t]) / sum(w[t]) over the counted pixels.

    Natural logarithm; 0 if no pixel is counted. For shapes see `Loss`. With `label_smoothing` s, a pixel's target is
    1 - s for its class plus s / K for each class (Szegedy et al., 2016); its weight stays that of its class.
    """
    from keras import ops

    counted = targets != ignore_id
    ids = ops.where(counted, targets, 0)
    weights = ops.take(class_weights, ids) * ops.cast(counted, "float32")
    truth = ops.one_hot(
        ids, logits.shape[-1], dtype="float32"
    )  # the gradient of an index is slow, that of a sum is not
    if label_smoothing:
        truth = (1 - label_smoothing) * truth + label_smoothing / logits.shape[-1]
    losses = -ops.sum(truth * ops.log_softmax(logits), axis=-1)
    return ops.sum(weights * losses) / ops.maximum(ops.sum(weights), 1e-6)
