"""The levels of VGG-16 (Simonyan and Zisserman, 2015). Imports no Keras."""

VGG16 = (2, 2, 3, 3, 3)
"""3 x 3 convolutions of each level, before the size is halved."""


def vgg_channels(width: int) -> list[int]:
    """Channels of the levels, of which the first has `width`; 64 in the paper."""
    return [width * min(1 << level, 8) for level in range(len(VGG16))]


def count_vgg_weights(width: int) -> int:
    """Those of the kernels."""
    channels = vgg_channels(width)
    pairs = zip([3, *channels], channels, VGG16, strict=False)
    return 9 * sum(before * now + (num - 1) * now**2 for before, now, num in pairs)
