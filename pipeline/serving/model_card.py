"""The card inside an exported model's folder: what its ids mean and how its masks are cleaned."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from pipeline.dataset.contract import ClassList, parse_class_list
from pipeline.disk.files import read_json, write_json
from pipeline.disk.records import Count, Place, parse_record
from pipeline.errors import EvidenceError
from pipeline.param_types import CrfDeviation, CrfWeight, Whole

MODEL = Path("work/export/model")
CARD = "segline.json"
Width = Annotated[int, Field(ge=0, le=255)]
"""Pixels; the time of opening and closing grows with the area of the ellipse."""


@dataclass(frozen=True)
class DenseCrf:
    """Settings of the fully connected CRF (Kraehenbuehl and Koltun, 2011), with which pixels of one colour agree.

    Attributes:
        num_iterations: of the mean-field inference.
        bilateral_weight: of the kernel of position and colour.
        position_px: its standard deviation of the position, pixels of the image.
        colour: its standard deviation of red, green and blue, 0 to 255.
        smooth_weight: of the kernel of position alone.
        smooth_px: its standard deviation, pixels.
    """

    num_iterations: Annotated[Whole, Field(ge=1, le=100)]
    bilateral_weight: CrfWeight
    position_px: CrfDeviation
    colour: CrfDeviation
    smooth_weight: CrfWeight
    smooth_px: CrfDeviation


@dataclass(frozen=True)
class Postprocess:
    """Cleaning of a predicted mask; 0 switches a step off.

    Attributes:
        open_px: width of the opening's ellipse, pixels.
        close_px: width of the closing's ellipse, pixels.
        min_area_px: regions smaller than this many pixels are removed.
        dense_crf: runs before all of this; None: off, as in cards of older models.
    """

    open_px: Width
    close_px: Width
    min_area_px: Count
    dense_crf: DenseCrf | None = None

    def words(self) -> str:
        """Each step that is on, with its settings; "" if none is."""
        steps = {name: value for name, value in asdict(self).items() if value}
        if crf := steps.pop("dense_crf", None):
            steps = {f"dense_crf.{name}": value for name, value in crf.items()} | steps
        return ", ".join(f"{name} {value:g}" for name, value in steps.items())


@dataclass(frozen=True)
class ModelCard:
    """The card of a model's folder.

    Attributes:
        size: (height, width) in pixels at which the network sees an image.
        postprocess: cleaning of the predicted masks, in evaluation and in use alike.
        flip: whether the model gives the mean of an image and its mirror image; cards of older models do not say it.
        weights_md5: of an ensemble, the MD5 of each network's weights; () for a single network.
    """

    classes: ClassList
    size: tuple[int, int]
    postprocess: Postprocess
    flip: bool = False
    weights_md5: tuple[str, ...] = ()

    def write(self, folder: Path) -> None:
        """Writes the card into a model's folder."""
        settings: dict[str, Any] = {"size": self.size, "flip": self.flip, "postprocess": asdict(self.postprocess)}
        if self.weights_md5:
            settings |= {"num_networks": len(self.weights_md5), "weights_md5": self.weights_md5}
        write_json(folder / CARD, {**self.classes.to_dict(), **settings})

    @classmethod
    def read(cls, folder: Path) -> "ModelCard":
        """Reads the card of a model's folder.

        Raises:
            EvidenceError: the folder is not one that the stage `export` wrote.
        """
        if not (folder / "saved_model.pb").is_file():
            raise EvidenceError(f"{folder}: holds no saved_model.pb; expected a model that the stage `export` wrote")
        return cls.read_file(folder / CARD)

    @classmethod
    def read_file(cls, path: Path) -> "ModelCard":
        """Reads a card by itself, as a run keeps it.

        Raises:
            EvidenceError: it is missing, or not what the stage `export` wrote.
        """
        content = read_json(path, "the stage `export`")
        classes = parse_class_list(content, path)
        return cls(classes, **vars(parse_record(content, _Settings, path, "the stage `export`")))


@dataclass(frozen=True)
class _Settings:
    """The part of the file besides the classes."""

    size: tuple[Place, Place]
    postprocess: Postprocess
    flip: bool = False
    weights_md5: tuple[str, ...] = ()
