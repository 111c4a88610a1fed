"""The table of networks."""

import subprocess
import sys
from typing import Any, Literal, get_args

import keras
import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from pipeline.errors import ParamsError
from pipeline.networks.network import Network
from pipeline.networks.table import NETWORKS, AnyNetwork
from tests.drawn_data import small_params


class Pointwise(Network):
    """A second network: one convolution of a pixel."""

    title = "Pointwise"
    name: Literal["pointwise"]
    bias: bool

    @staticmethod
    def build(*, num_classes: int, bias: bool, **_: Any) -> keras.Model:
        """One layer."""
        images = keras.Input((None, None, 3))
        return keras.Model(images, keras.layers.Conv2D(num_classes, 1, use_bias=bias)(images))

    @property
    def num_weights(self) -> int:
        """A few."""
        return 99

    @property
    def min_side_px(self) -> int:
        """A pixel."""
        return 1

    def map_bytes(self, num_images: int, height: int, width: int) -> int:
        """Of three channels."""
        return num_images * height * width * 12


def read(content: Any) -> Network:
    """The network of a section of params."""
    network: Network = TypeAdapter(AnyNetwork).validate_python(content)
    return network


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_has_its_name_and_a_title(name: str) -> None:
    """The key in the table is what params write; the title is for people."""
    assert get_args(NETWORKS[name].model_fields["name"].annotation) == (name,)
    assert NETWORKS[name].title


def test_a_second_network_is_a_line_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name chooses, the values are those of the chosen one, and it builds from them."""
    monkeypatch.setattr("pipeline.networks.table.NETWORKS", {**NETWORKS, "pointwise": Pointwise})
    assert read({"name": "unet", "num_levels": 2, "width": 4, "dropout": 0.0}).title == "U-Net"
    network = read({"name": "pointwise", "bias": False})
    assert isinstance(network, Pointwise) and str(network) == "pointwise (bias False)"
    model = network.build(**network.model_dump(exclude={"name"}), num_classes=5, channel_mean=(), channel_std=())
    assert model(np.zeros((1, 4, 6, 3), np.float32)).shape == (1, 4, 6, 5)
    with pytest.raises(ValidationError, match=r"pointwise\.width\s+Extra inputs"):
        read({"name": "pointwise", "bias": False, "width": 4})


def test_deep_supervision_needs_coarser_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network of one's own need not name any."""
    monkeypatch.setattr(NETWORKS["unet"], "coarse_layers", ())
    with pytest.raises(ParamsError, match="auxiliary_weight is 0.4, and network unet .* names no coarser layers"):
        small_params(auxiliary_weight=0.4)


def test_a_network_needs_its_name() -> None:
    """The first of the table is not taken for one without."""
    with pytest.raises(ValidationError, match="Unable to extract tag"):
        read({"num_levels": 2, "width": 4, "dropout": 0.0})


def test_reading_params_loads_no_keras() -> None:
    """Networks and losses are known by name and values; only the stages that compute load Keras."""
    code = "import sys, pipeline.params as p; p.read_params(); print({'keras', 'tensorflow'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
