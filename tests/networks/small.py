"""A small shape of each network, which a test trains in seconds, and the shape of its paper."""

from collections.abc import Mapping
from typing import Any
from unittest.mock import patch

import numpy as np

from pipeline.networks.network import Network
from pipeline.networks.table import NETWORKS

SMALL: Mapping[str, Mapping[str, Any]] = {
    "unet": {"num_levels": 2, "width": 8, "dropout": 0.1},
    "residual_unet": {"num_levels": 2, "width": 8, "dropout": 0.1},
    "fcn8s": {"width": 4, "head_channels": 32, "dropout": 0.1},
    "segnet": {"width": 8},
    "pspnet": {"num_blocks": (1, 1), "width": 8, "bottleneck": True, "grids": (1, 2), "dropout": 0.1},
    "deeplabv3plus": {
        **{"num_blocks": (1, 1, 1), "width": 8, "bottleneck": False, "rates": (1, 2)},
        **{"context_channels": 16, "dropout": 0.1},
    },
    "fc_densenet": {"num_layers": (2, 3, 3), "growth": 8, "dropout": 0.1},
    "swiftnet": {
        **{"num_blocks": (1, 1), "width": 8, "bottleneck": False, "grids": (2, 1)},
        **{"context_channels": 16, "dropout": 0.1},
    },
    "encoder_unet": {
        **{"encoder": "mobilenet_v2", "encoder_weights": "none", "encoder_weights_md5": ""},
        **{"width": 8, "dropout": 0.1},
    },
    "encoder_swiftnet": {
        **{"encoder": "efficientnet_lite0", "encoder_weights": "imagenet", "encoder_weights_md5": ""},
        **{"grids": (2, 1), "context_channels": 16, "dropout": 0.1},
    },
}


def build(name: str, fields: Mapping[str, Any], num_classes: int = 3) -> Any:
    """The network as a `keras.Model`."""
    return NETWORKS[name].build(
        **fields, num_classes=num_classes, channel_mean=(90, 100, 110), channel_std=(50, 60, 70)
    )


def shape_of(name: str, fields: Mapping[str, Any]) -> Network:
    """What params say of the network before it is built."""
    return NETWORKS[name](name=name, **fields)


def settle(network: Any) -> Any:
    """The network with random scales and shifts, whose moving moments are those of random images."""
    random = np.random.default_rng(0)
    for weight in network.trainable_weights:
        if weight.name == "gamma":
            weight.assign(random.uniform(0.5, 1.5, weight.shape))
        elif weight.name == "beta":
            weight.assign(random.normal(0, 0.5, weight.shape))
    with patch("pipeline.networks.blocks.layers.MOMENTUM", 0.0):
        network(random.uniform(0, 255, (2, 64, 64, 3)).astype(np.float32), training=True)
    return network
