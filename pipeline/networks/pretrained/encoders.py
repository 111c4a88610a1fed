"""The table of encoders. Those of which a test shows that they learn and export."""

from collections.abc import Mapping

from pipeline.networks.pretrained.applications import Application
from pipeline.networks.pretrained.efficientnet_lite import EfficientNetLite
from pipeline.networks.pretrained.encoder import Encoder

ENCODERS: Mapping[str, Encoder] = {
    "vgg16": Application(
        *((64, 128, 256, 512, 512), 14_714_688, 64),
        *("VGG16", "vgg16", tuple(f"block{level}_pool" for level in range(1, 6))),
    ),
    "resnet50": Application(
        *((64, 256, 512, 1024, 2048), 23_587_712, 16),
        *("ResNet50", "resnet"),
        ("conv1_relu", "conv2_block3_out", "conv3_block4_out", "conv4_block6_out", "conv5_block3_out"),
    ),
    "densenet121": Application(
        *((64, 256, 512, 1024, 1024), 7_037_504, 16),
        *("DenseNet121", "densenet", ("conv1_relu", "pool2_relu", "pool3_relu", "pool4_relu", "relu")),
    ),
    "mobilenet_v2": Application(
        *((96, 144, 192, 576, 1280), 2_257_984, 24),
        *("MobileNetV2", "mobilenet_v2"),
        (*(f"block_{block}_expand_relu" for block in (1, 3, 6, 13)), "out_relu"),
    ),
    "efficientnet_lite0": EfficientNetLite((16, 24, 40, 112, 320), 2_998_304, 24),
}
"""Keras's own EfficientNets are none of them: their layers depend on their weights."""
