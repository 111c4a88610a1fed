"""The table of losses. A new loss is a file of its own, and here its import and its place in `LOSSES`."""

import operator
from collections.abc import Callable, Mapping
from functools import partial, reduce
from typing import Any

from pipeline.training.losses.boundary import boundary
from pipeline.training.losses.cross_entropy import cross_entropy
from pipeline.training.losses.focal import focal
from pipeline.training.losses.lovasz_softmax import lovasz_softmax
from pipeline.training.losses.soft_dice import soft_dice
from pipeline.training.losses.tversky import tversky

Loss = Callable[[Any, Any, Any, int], Any]
"""From targets (N, H, W) int32 class ids, logits (N, H, W, K) float32, class weights (K,) float32 and the id of the
targets that are left out to a float32 scalar. Keras is imported inside, because params are read without Keras."""
LOSSES: Mapping[str, Loss] = {
    "cross_entropy": cross_entropy,
    "focal": focal,
    "soft_dice": soft_dice,
    "tversky": tversky,
    "lovasz_softmax": lovasz_softmax,
    "boundary": boundary,
}


def weighted_sum(
    weights: Mapping[str, float],
    targets: Any,
    logits: Any,
    class_weights: Any,
    ignore_id: int,
    label_smoothing: float,
) -> Any:
    """Sum of weight * loss in the order of `LOSSES`, so the order of `weights` changes no bit.

    A loss of weight 0, or without a weight, is left out; one weight at least must be above 0. `label_smoothing` is that
    of the cross-entropy.
    """
    losses: dict[str, Loss] = {**LOSSES, "cross_entropy": partial(cross_entropy, label_smoothing=label_smoothing)}
    used = ((weights[name], loss) for name, loss in losses.items() if weights.get(name))
    return reduce(operator.add, (weight * loss(targets, logits, class_weights, ignore_id) for weight, loss in used))
