"""Deep supervision (Lee et al., 2015): coarser features get logits and a loss of their own, in training only."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


def build_auxiliary(network: keras.Model, layers: Sequence[str], num_classes: int) -> keras.Model:
    """From images to a list: the network's logits (N, H, W, K), and those of each layer (N, h, w, K) float32.

    It shares the network's weights, and adds a 1 x 1 convolution for each layer, with random weights.
    """
    coarse = [
        keras.layers.Conv2D(num_classes, 1, dtype="float32", name=f"auxiliary_{name}")(network.get_layer(name).output)
        for name in layers
    ]
    return keras.Model(network.input, [network.output, *coarse], name="auxiliary")


def added_variables(auxiliary: keras.Model, network: keras.Model) -> list[Any]:
    """Those of the convolutions that `build_auxiliary` added."""
    shared = {id(variable) for variable in network.variables}
    return [variable for variable in auxiliary.variables if id(variable) not in shared]


def coarse_targets(targets: Any, size: tuple[int, int], ignore_id: int) -> Any:
    """The target in the middle of each window that a coarse pixel stands for.

    Args:
        targets: (N, H, W) int32.
        size: (h, w) of the coarse logits. A network pads H and W below and to the right to multiples of h and w; each
            quotient is a power of two.
        ignore_id: target of the padding.

    Returns:
        (N, h, w) int32.
    """
    steps = [_window_px(whole, coarse) for whole, coarse in zip(targets.shape[1:], size, strict=True)]
    padding = [[0, coarse * step - whole] for whole, coarse, step in zip(targets.shape[1:], size, steps, strict=True)]
    padded = ops.pad(targets, [[0, 0], *padding], constant_values=ignore_id)
    return padded[:, steps[0] // 2 :: steps[0], steps[1] // 2 :: steps[1]]


def _window_px(whole: int, coarse: int) -> int:
    step = 1
    while coarse * step < whole:
        step *= 2
    return step
