"""The generalised Dice loss of Sudre et al. (2017)."""

from typing import Any


def generalised_dice(targets: Any, logits: Any, class_weights: Any, ignore_id: int) -> Any:
    """1 - 2 sum(w * hits) / sum(w * (labelled + predicted)), w = 1 / labelled ** 2; arguments as in `LOSSES`."""
    from keras import ops

    counted = ops.cast(targets != ignore_id, "float32")[..., None]
    ids = ops.where(targets != ignore_id, targets, 0)
    truth = ops.one_hot(ids, logits.shape[-1], dtype="float32") * counted
    probs = ops.softmax(logits) * counted
    weights = 1 / ops.maximum(ops.sum(truth, (0, 1, 2)), 1.0) ** 2
    hits, total = (ops.sum(weights * ops.sum(part, (0, 1, 2))) for part in (truth * probs, truth + probs))
    return 1 - 2 * hits / ops.maximum(total, 1e-9)
