"""The weights that a network on a published encoder starts from."""

import hashlib
import re
from pathlib import Path
from typing import Any

import keras
import pytest
from pydantic import ValidationError

from pipeline.errors import ParamsError
from pipeline.networks.pretrained.encoder_unet import EncoderUNet
from pipeline.networks.pretrained.encoders import ENCODERS
from tests.networks.small import SMALL, build, shape_of

FIELDS = SMALL["encoder_unet"]
OF_A_FILE = {"encoder_weights": "start.weights.h5", "encoder_weights_md5": "0" * 32}


def read_shape(**changes: Any) -> EncoderUNet:
    """The small shape with other values."""
    shape = shape_of("encoder_unet", {**FIELDS, **changes})
    assert isinstance(shape, EncoderUNet)
    return shape


def test_other_weights_than_the_params_say_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing file, another file, a file of something else, and weights that this machine cannot fetch."""
    monkeypatch.chdir(tmp_path)
    network = build("encoder_unet", FIELDS)
    shape = read_shape(**OF_A_FILE)
    with pytest.raises(ParamsError, match=r"start\.weights\.h5: No such file or directory; bring the file"):
        shape.start(network)
    Path("start.weights.h5").write_text("other")
    with pytest.raises(ParamsError, match=f"its MD5 is [0-9a-f]{{32}}, `encoder_weights_md5` says {'0' * 32}; "):
        shape.start(network)
    md5 = hashlib.md5(b"other").hexdigest()
    with pytest.raises(ParamsError, match="expected weights of keras.applications' MobileNetV2 without its top"):
        read_shape(encoder_weights="start.weights.h5", encoder_weights_md5=md5).start(network)
    keras.applications.VGG16(include_top=False, weights=None).save_weights("start.weights.h5")
    md5 = hashlib.md5(Path("start.weights.h5").read_bytes()).hexdigest()
    with pytest.raises(ParamsError, match="expected weights of keras.applications' MobileNetV2 without its top"):
        read_shape(encoder_weights="start.weights.h5", encoder_weights_md5=md5).start(network)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"encoder_weights": "start.weights.h5"}, "give the MD5 of the file (md5sum start.weights.h5)"),
        ({**OF_A_FILE, "encoder_weights": "/x.h5"}, "encoder_weights is /x.h5, expected a file of the project"),
        ({**OF_A_FILE, "encoder_weights": "a/../../x.h5"}, "expected a file of the project"),
        ({"encoder_weights_md5": "0" * 32}, "encoder_weights is none, so encoder_weights_md5 must be ''"),
        ({**OF_A_FILE, "encoder_weights_md5": "0"}, "String should match pattern"),
        (
            {"encoder": "efficientnet_b0"},
            "Input should be 'vgg16', 'resnet50', 'densenet121', 'mobilenet_v2' or 'efficientnet_lite0'",
        ),
    ],
)
def test_values_that_say_not_what_a_model_came_from_are_refused(changes: dict[str, str], said: str) -> None:
    """A file's name alone says nothing."""
    with pytest.raises(ValidationError, match=re.escape(said)):
        read_shape(**changes)


def test_params_name_each_encoder() -> None:
    """The table and the type of the params agree."""
    for encoder in ENCODERS:
        assert read_shape(encoder=encoder).encoder == encoder
