"""The table of networks. A new network is a file of its own, and here its import and its place in `NETWORKS`."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetPydanticSchema
from pydantic_core import CoreSchema, core_schema

from pipeline.networks.deeplab import DeepLabV3Plus
from pipeline.networks.fc_densenet import FCDenseNet
from pipeline.networks.fcn import FCN8s
from pipeline.networks.network import Network
from pipeline.networks.pretrained.encoder_swiftnet import EncoderSwiftNet
from pipeline.networks.pretrained.encoder_unet import EncoderUNet
from pipeline.networks.pspnet import PSPNet
from pipeline.networks.residual_unet import ResidualUNet
from pipeline.networks.segnet import SegNet
from pipeline.networks.swiftnet import SwiftNet
from pipeline.networks.unet import UNet

NETWORKS: Mapping[str, type[Network]] = {
    "unet": UNet,
    "residual_unet": ResidualUNet,
    "fcn8s": FCN8s,
    "segnet": SegNet,
    "pspnet": PSPNet,
    "deeplabv3plus": DeepLabV3Plus,
    "fc_densenet": FCDenseNet,
    "swiftnet": SwiftNet,
    "encoder_unet": EncoderUNet,
    "encoder_swiftnet": EncoderSwiftNet,
}


def _choose_by_name(_: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
    """A union of the table's networks; pydantic's own `Field(discriminator=...)` cannot be made from a table."""
    choices = {name: handler.generate_schema(network) for name, network in NETWORKS.items()}
    return core_schema.tagged_union_schema(choices, discriminator="name")


AnyNetwork = Annotated[Network, GetPydanticSchema(_choose_by_name)]
"""One of `NETWORKS`, chosen by its `name`."""
