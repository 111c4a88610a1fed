"""What the networks on a published encoder share: the encoder's name, and the weights that it starts from."""

from pathlib import Path, PurePath
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from pipeline.disk.files import md5_of
from pipeline.errors import ParamsError
from pipeline.networks.network import Network
from pipeline.networks.pretrained.encoder import IMAGENET, MAX_STRIDE, NO_WEIGHTS, Encoder
from pipeline.networks.pretrained.encoders import ENCODERS

WHERE = "params.yaml: `train.network.encoder_weights`"


class Pretrained(Network):
    """Base of the networks on an encoder.

    Attributes:
        encoder: key in `ENCODERS`.
        encoder_weights: `NO_WEIGHTS`, `IMAGENET` or a file of the project.
        encoder_weights_md5: of the file; else empty.
        dropout: share of the channels before the logits that training drops.
    """

    encoder: Literal["vgg16", "resnet50", "densenet121", "mobilenet_v2", "efficientnet_lite0"]
    encoder_weights: Annotated[str, Field(min_length=1, max_length=4096)]
    encoder_weights_md5: Annotated[str, Field(pattern=r"^([0-9a-f]{32})?$")]
    dropout: Annotated[float, Field(ge=0, le=0.9)]

    @model_validator(mode="after")
    def _a_file_is_known_by_its_content(self) -> "Pretrained":
        is_file = self.encoder_weights not in (NO_WEIGHTS, IMAGENET)
        file = PurePath(self.encoder_weights)
        if file.is_absolute() or ".." in file.parts:
            raise ValueError(
                f"encoder_weights is {self.encoder_weights}, expected a file of the project; copy it there, so that "
                "DVC can keep it with the model"
            )
        if is_file and not self.encoder_weights_md5:
            raise ValueError(
                f"encoder_weights is the file {self.encoder_weights}, and encoder_weights_md5 is empty; give the MD5 "
                f"of the file (md5sum {self.encoder_weights}), so that the params say what a model came from, or "
                f"choose {NO_WEIGHTS} or {IMAGENET}"
            )
        if not is_file and self.encoder_weights_md5:
            raise ValueError(f"encoder_weights is {self.encoder_weights}, so encoder_weights_md5 must be ''")
        return self

    def start(self, network: Any) -> None:
        """Loads the encoder's weights.

        Raises:
            ParamsError: they cannot be had, or are other ones than the params say.
        """
        if self.encoder_weights == NO_WEIGHTS:
            return
        if self.encoder_weights != IMAGENET:
            self._check_file(Path(self.encoder_weights))
        try:
            self.published.load(network, self.encoder_weights)
        except (OSError, ValueError) as err:
            advice = (
                "copy a file of these weights here and name it"
                if self.encoder_weights == IMAGENET
                else f"expected {self.published.expected}"
            )
            raise ParamsError(f"{WHERE} {self.encoder_weights}: {err}; {advice}") from err

    def _check_file(self, file: Path) -> None:
        try:
            found = md5_of(file)
        except OSError as err:
            raise ParamsError(f"{WHERE} {file}: {err.strerror}; bring the file, `dvc pull` if DVC has it") from err
        if found != self.encoder_weights_md5:
            raise ParamsError(
                f"{WHERE} {file}: its MD5 is {found}, `encoder_weights_md5` says {self.encoder_weights_md5}; "
                "bring the file that is meant, or correct the MD5"
            )

    @property
    def published(self) -> Encoder:
        """The encoder."""
        return ENCODERS[self.encoder]

    @property
    def min_side_px(self) -> int:
        """One pixel of the smallest features."""
        return MAX_STRIDE
