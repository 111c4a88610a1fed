"""The context and the narrow way up of the single-scale SwiftNet (Oršić et al., 2019), on any encoder's features."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from pipeline.param_types import Whole

Grids = Annotated[tuple[Annotated[Whole, Field(ge=1, le=32)], ...], Field(min_length=1, max_length=8)]
"""Windows along each axis of each grid of means, a field of params."""
ContextChannels = Annotated[Whole, Field(ge=1, le=1024)]


def build_ladder(stages: Sequence[Any], grids: Sequence[int], num_channels: int) -> Any:
    """Builds it.

    Args:
        stages: features (N, H, W, C), each smaller than the one before.
        grids: windows along each axis of each grid of means at the lowest level; (8, 4, 2) in the paper.
        num_channels: of the context and of each level of the way up; 128 in the paper.

    Returns:
        (N, H, W, num_channels), of the first stage's size.
    """
    import keras

    from pipeline.networks.blocks.convolution import convolve
    from pipeline.networks.blocks.resizing import ResizeLike, pyramid

    *skips, x = stages
    x = convolve(x, num_channels, 1, "narrow")
    x = pyramid(x, grids, _grid_channels(grids, num_channels), "grid")
    x = convolve(x, num_channels, 1, "context")
    for level in reversed(range(len(skips))):
        skip = convolve(skips[level], num_channels, 1, f"skip{level}", relu=False)
        x = keras.layers.Add(name=f"add{level}")([ResizeLike(name=f"grow{level}")([x, skip]), skip])
        x = convolve(x, num_channels, 3, f"blend{level}")
    return x


def ladder_layers(num_stages: int) -> tuple[str, ...]:
    """Names of its layers: the context, and the levels of the way up but the first."""
    return ("context_relu", *(f"blend{level}_relu" for level in range(1, num_stages - 1)))


def count_ladder_weights(channels: Sequence[int], grids: Sequence[int], num_channels: int) -> int:
    """Weights of its kernels for stages with these channels."""
    *skips, features = channels
    added = len(grids) * _grid_channels(grids, num_channels)
    context = features + 2 * added + num_channels  # narrow, the grids, context
    return context * num_channels + sum(skips) * num_channels + 9 * len(skips) * num_channels**2


def _grid_channels(grids: Sequence[int], num_channels: int) -> int:
    return max(1, num_channels // len(grids))
