"""The FC-DenseNet."""

from typing import Any

import keras
import pytest

from pipeline.networks.fc_densenet import FCDenseNet, build_fc_densenet


def build(num_layers: tuple[int, ...], growth: int, **changes: Any) -> keras.Model:
    """The network for 12 classes, as the paper has it for CamVid with the ignored one."""
    arguments: dict[str, Any] = {"num_classes": 12, "dropout": 0.2, **changes}
    return build_fc_densenet(
        num_layers=num_layers, growth=growth, channel_mean=(90, 100, 110), channel_std=(50, 60, 70), **arguments
    )


def test_the_number_of_parameters_is_that_of_the_paper() -> None:
    """In Table 3 there FC-DenseNet56 has 1.5 million, 67 has 3.5, 103 has 9.4; kernels are all but a few per cent."""
    assert build((4,) * 6, 12).count_params() / 1e6 == pytest.approx(1.5, rel=0.09)
    for num_layers, millions in (((5,) * 6, 3.5), ((4, 5, 7, 10, 12, 15), 9.4)):
        network = FCDenseNet(name="fc_densenet", num_layers=num_layers, growth=16, dropout=0.2)
        assert network.num_weights / 1e6 == pytest.approx(millions, rel=0.09)


def test_channels_by_hand() -> None:
    """With two halvings: the skips, and what the blocks on the way up get and give."""
    network = build((2, 3, 4), 5)
    channels = {layer.name: layer.output.shape[-1] for layer in network.layers}
    assert [channels[name] for name in ("first", "down0", "down1", "lowest_added")] == [48, 58, 73, 20]
    assert [channels[name] for name in ("up1_join", "up1_added", "up0_join", "last")] == [93, 15, 73, 83]
    shape = FCDenseNet(name="fc_densenet", num_layers=(2, 3, 4), growth=5, dropout=0.0)
    assert shape.map_bytes(2, 16, 24) == 2 * 16 * 24 * 83 * 4 and shape.min_side_px == 4
