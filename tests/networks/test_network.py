"""What a network says of itself."""

from pipeline.networks.unet import UNet


def test_a_message_names_the_network_and_its_values() -> None:
    """Messages about params show what to change."""
    assert str(UNet(name="unet", num_levels=2, width=8, dropout=0.5)) == "unet (num_levels 2, width 8, dropout 0.5)"
