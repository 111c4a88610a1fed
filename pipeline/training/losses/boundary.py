"""The F1 score of the classes' boundaries, as a loss; of use beside a loss that counts areas."""

from typing import Any

WIDTH_PX, TOLERANCE_PX = 3, 5
"""Sides of the windows that find a boundary, and in which a boundary of the other picture counts as met."""
TINY = 1e-6


def boundary(targets: Any, logits: Any, class_weights: Any, ignore_id: int) -> Any:
    """1 - F1 of each class's boundary over the batch (Bokhovkin and Burnaev, 2019), mean over the classes with one.

    A pixel is on the boundary of its class as far as a neighbour is of another class; a neighbour that is left out, or
    beyond the picture's edge, is none. In [0, 1]; 0 if no class has a boundary. `class_weights` is not used. For shapes
    see `Loss`.
    """
    from keras import ops

    counted = ops.cast(targets != ignore_id, "float32")[..., None]
    truth = ops.one_hot(ops.where(targets != ignore_id, targets, 0), logits.shape[-1], dtype="float32")
    lines = [_boundary_of(part, counted) for part in (truth, ops.softmax(logits))]
    true, predicted = lines
    near_true, near_predicted = (_largest(line, TOLERANCE_PX) for line in lines)
    axes = (0, 1, 2)
    precision = ops.sum(predicted * near_true, axes) / (ops.sum(predicted, axes) + TINY)
    recall = ops.sum(true * near_predicted, axes) / (ops.sum(true, axes) + TINY)
    f1 = 2 * precision * recall / (precision + recall + TINY)
    present = ops.cast(ops.sum(true, axes) > 0, "float32")
    return ops.sum((1 - f1) * present) / ops.maximum(ops.sum(present), 1.0)


def _boundary_of(part: Any, counted: Any) -> Any:
    """How far each pixel (N, H, W, K) of a class has a neighbour outside of it."""
    outside = (1 - part) * counted
    return (_largest(outside, WIDTH_PX) - outside) * counted


def _largest(values: Any, side_px: int) -> Any:
    from keras import ops

    return ops.max_pool(values, side_px, strides=1, padding="same", data_format="channels_last")
