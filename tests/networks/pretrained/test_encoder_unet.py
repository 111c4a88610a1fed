"""The U-Net on a published encoder."""

import pytest

from pipeline.networks.pretrained.encoders import ENCODERS
from tests.networks.small import SMALL, build, shape_of

FIELDS = SMALL["encoder_unet"]


@pytest.mark.parametrize("encoder", ENCODERS)
def test_every_encoder_has_a_decoder(encoder: str) -> None:
    """Four levels, each joined with the encoder's features of its size; a file of params may name each encoder."""
    network = build("encoder_unet", {**FIELDS, "encoder": encoder})
    skips = ENCODERS[encoder].channels[:-1]
    joined = [network.get_layer(f"up{level}_join").output.shape[-1] for level in range(4)]
    below = [16, 32, 64, ENCODERS[encoder].channels[-1]]
    assert joined == [skip + before for skip, before in zip(skips, below, strict=True)]
    shape = shape_of("encoder_unet", {**FIELDS, "encoder": encoder})
    assert shape.num_weights == pytest.approx(network.count_params(), rel=0.02)
