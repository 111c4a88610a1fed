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


@pytest.mark.parametrize(
    ("num_layers", "growth", "millions"),
    [((4,) * 6, 12, 1.5), ((5,) * 6, 16, 3.5), ((4, 5, 7, 10, 12, 15), 16, 9.4)],
    ids=["FC-DenseNet56", "FC-DenseNet67", "FC-DenseNet103"],
)
def test_the_number_of_parameters_is_that_of_the_paper(
    num_layers: tuple[int, ...], growth: int, millions: float
) -> None:
    """Table 3 there, and what params say before the network is built."""
    num_weights = build(num_layers, growth).count_params()
    assert num_weights / 1e6 == pytest.approx(millions, rel=0.09)
    network = FCDenseNet(name="fc_densenet", num_layers=num_layers, growth=growth, dropout=0.2)
    assert network.num_weights == pytest.approx(num_weights, rel=0.05)


def test_channels_by_hand() -> None:
    """With two halvings: the skips, and what the blocks on the way up get and give."""
    network = build((2, 3, 4), 5)
    channels = {layer.name: layer.output.shape[-1] for layer in network.layers}
    assert [channels[name] for name in ("first", "down0", "down1", "lowest_added")] == [48, 58, 73, 20]
    assert [channels[name] for name in ("up1_join", "up1_added", "up0_join", "last")] == [93, 15, 73, 83]
    shape = FCDenseNet(name="fc_densenet", num_layers=(2, 3, 4), growth=5, dropout=0.0)
    assert shape.map_bytes(2, 16, 24) == 2 * 16 * 24 * 83 * 4 and shape.min_side_px == 4
