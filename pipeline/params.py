"""`params.yaml`: everything that changes the model's bytes, checked before anything runs."""

from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from pipeline.disk.files import read_yaml
from pipeline.errors import ParamsError
from pipeline.text import quoted

PARAMS = Path("params.yaml")
MAX_PARAMETERS = 500_000_000
"""Of the network: weights, gradient and the optimiser's two moments take 16 bytes each, 8 GB in all."""
MAX_MAP_BYTES = 32 * 2**30
"""Of one feature map of the first level; training holds several at once."""
FORMER_FLOORS = {
    "min_mean_iou": "`floors: {mean_iou: 0.7}`",
    "min_mean_iou_low": "`floors_low: {mean_iou: 0.6}`",
    "min_class_iou": "`floors: {iou/CLASS: 0.5}`",
    "min_class_iou_low": "`floors_low: {iou/CLASS: 0.5}`",
    "min_slice_iou": "`floors: {mean_iou/brightness/dark: 0.5}`",
    "min_slice_iou_low": "`floors_low: {mean_iou/brightness/dark: 0.5}`",
}
"""Of params.yaml until version 0.1: their name, and how they are written now."""
MIN_BEYOND = 10
"""Resamples that have to lie beyond an end, or the end is the luck of a few."""


def _whole(value: Any) -> Any:
    """2.0 and 1e3 are whole numbers, however they are written."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_whole)]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[Whole, Field(ge=0, le=500)]
"""Of pictures that are kept in memory and shown on a page."""
Seed = Annotated[Whole, Field(ge=0, lt=2**32)]
"""What every generator of random numbers takes."""
Epochs = Annotated[Whole, Field(ge=0, le=100_000)]
Rate = Annotated[float, Field(ge=1e-12, le=10)]
"""A smaller one changes no float32 weight, a larger one none for the better."""
Zoom = Annotated[float, Field(ge=0.1, le=10)]
EllipsePx = Annotated[Whole, Field(ge=0, le=255)]
"""The time of opening and closing grows with the ellipse's area."""
AreaPx = Annotated[Whole, Field(ge=0, le=2**26)]
"""Up to the largest image, 8192 x 8192."""
Resamples = Annotated[Whole, Field(ge=100, le=100_000)]
Confidence = Annotated[float, Field(gt=0.5, le=0.9999)]
Units = Annotated[Whole, Field(ge=2, le=100_000)]
SidePx = Annotated[Whole, Field(ge=8, le=8192)]
Size = tuple[SidePx, SidePx]
"""(height, width) in pixels."""


class Section(BaseModel):
    """A part of `params.yaml`: no defaults, no unknown names, no nan."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)


class SplitParams(Section):
    """Shares of the groups that a hash of their name sends to `val` and `test`; the rest is `train`."""

    val: Share
    test: Share

    @model_validator(mode="after")
    def _leaves_some_for_training(self) -> "SplitParams":
        if self.val + self.test >= 1:
            raise ValueError(f"val + test is {self.val + self.test:g}, which leaves nothing for train")
        return self


class ValidateParams(Section):
    """Limits of the data contract."""

    on_error: Literal["stop", "quarantine"]
    split: SplitParams
    groups_in_several_splits: tuple[str, ...]
    near_duplicates: Literal["error", "warning", "off"]
    near_duplicate_bits: Annotated[Whole, Field(ge=0, le=16)]
    max_ignored_share: Share
    one_class_masks: Literal["error", "warning", "off"]
    binary_looking_masks: Literal["error", "warning", "off"]
    max_image_px: Annotated[Whole, Field(ge=1, le=1 << 28)]
    max_file_mb: Annotated[Whole, Field(ge=1, le=2000)]


class PreprocessParams(Section):
    """The size at which the model sees an image."""

    image_size: Size


class UNetParams(Section):
    """Shape of the U-Net."""

    num_levels: Annotated[Whole, Field(ge=1, le=7)]
    width: Annotated[Whole, Field(ge=1, le=1024)]
    dropout: Annotated[float, Field(ge=0, le=0.9)]

    @model_validator(mode="after")
    def _fits_into_memory(self) -> "UNetParams":
        widths = [self.width * 2**level for level in range(self.num_levels + 1)]
        num = 9 * sum(width**2 for width in widths) * 2  # two 3 x 3 convolutions, on the way down and on the way up
        if num > MAX_PARAMETERS:
            raise ValueError(
                f"width {self.width} doubled {self.num_levels} times makes {num / 1e9:.2g} * 10^9 weights, expected at "
                f"most {MAX_PARAMETERS / 1e9:g} * 10^9; lower width or num_levels"
            )
        return self


class AugmentParams(Section):
    """Ranges of the random transforms; 0 (or 1 for `scale`) switches one off."""

    flip_horizontal: bool
    flip_vertical: bool
    scale: tuple[Zoom, Zoom]
    rotate_deg: Annotated[float, Field(ge=0, le=180)]
    crop: Size
    brightness: Share
    contrast: Annotated[float, Field(ge=0, lt=1)]
    saturation: Share

    @model_validator(mode="after")
    def _scale_is_ordered(self) -> "AugmentParams":
        if self.scale[0] > self.scale[1]:
            raise ValueError(f"scale is {list(self.scale)}; put the smaller number first")
        return self


class TrainParams(Section):
    """How the model is trained."""

    seed: Seed
    num_epochs: Annotated[Epochs, Field(ge=1)]
    batch_size: Annotated[Whole, Field(ge=1, le=65_536)]
    learning_rate: Rate
    warmup_epochs: Annotated[float, Field(ge=0, le=100_000)]
    weight_decay: Annotated[float, Field(ge=0, le=10)]
    clip_norm: Annotated[float, Field(ge=1e-6, le=1e9)]
    dice_weight: Share
    class_weights: Literal["none", "inverse_sqrt", "median_frequency"]
    early_stopping_epochs: Epochs
    precision: Literal["auto", "float32", "mixed_bfloat16"]
    num_threads: Annotated[Whole, Field(ge=1, le=256)]
    unet: UNetParams
    augment: AugmentParams

    @model_validator(mode="after")
    def _warms_up_before_the_end(self) -> "TrainParams":
        if self.warmup_epochs > self.num_epochs:
            raise ValueError(
                f"warmup_epochs is {self.warmup_epochs:g}, num_epochs {self.num_epochs}: the training would end before "
                "its learning rate is reached; lower warmup_epochs"
            )
        return self

    @model_validator(mode="after")
    def _crop_suits_the_network(self) -> "TrainParams":
        crop, least = self.augment.crop, 2**self.unet.num_levels
        if min(crop) < least:
            raise ValueError(
                f"augment.crop is {list(crop)}, and unet.num_levels {self.unet.num_levels} halves it to less than a "
                f"pixel; expected at least {least} px on each side, or fewer levels"
            )
        num_bytes = 4 * self.batch_size * crop[0] * crop[1] * self.unet.width
        if num_bytes > MAX_MAP_BYTES:
            raise ValueError(
                f"batch_size {self.batch_size}, augment.crop {list(crop)} and unet.width {self.unet.width} make "
                f"feature maps of {num_bytes / 2**30:.0f} GiB, expected at most {MAX_MAP_BYTES // 2**30}; lower one"
            )
        return self


class PostprocessParams(Section):
    """Cleaning of the predicted mask; 0 switches a step off."""

    open_px: EllipsePx
    close_px: EllipsePx
    min_area_px: AreaPx


class ExportParams(Section):
    """What the SavedModel does beside the network, and how far it may stray from the Keras model."""

    precision: Literal["float32", "mixed_bfloat16"]
    max_disagreeing_share: Share
    max_probability_difference: Share
    num_golden_images: Annotated[Whole, Field(ge=1, le=10_000)]
    postprocess: PostprocessParams


class BootstrapParams(Section):
    """Error bars of the scores."""

    unit: Literal["group", "image"]
    num_resamples: Resamples
    seed: Seed
    confidence: Confidence
    min_units: Units


class EvaluateParams(Section):
    """What is measured beside the confusion, and how much of it is shown as pictures."""

    num_worst_overlays: Count
    num_random_overlays: Count
    num_suspects: Count
    seed: Seed
    boundary_width: Annotated[float, Field(gt=0, le=0.5)]
    boundary_tolerance_px: Annotated[Whole, Field(ge=0, le=64)]
    suspect_confidence: Annotated[float, Field(gt=0, le=1)]
    suspect_min_area_px: Annotated[AreaPx, Field(ge=1)]
    bootstrap: BootstrapParams


class GateParams(Section):
    """Thresholds that the scores on the test split must keep, by the number's name; {} switches a table off."""

    floors: dict[str, Share]
    floors_low: dict[str, Share]
    ceilings: dict[str, Share]

    def thresholds(self) -> dict[str, dict[str, float]]:
        """The tables by their names."""
        return {"floors": self.floors, "floors_low": self.floors_low, "ceilings": self.ceilings}

    @model_validator(mode="before")
    @classmethod
    def _has_no_old_name(cls, content: Any) -> Any:
        for old, new in FORMER_FLOORS.items():
            if isinstance(content, dict) and old in content:
                raise ValueError(f"`{old}` is now written {new}")
        return content


class PromoteParams(Section):
    """What a challenger has to show against the champion, and how sure it has to be."""

    rule: Literal["superior", "non_inferior"]
    margin: Share
    class_margin: Share
    confidence: Confidence
    num_resamples: Resamples
    seed: Seed
    unit: Literal["group", "image"]
    min_units: Units
    anchor: Literal["best", "none"] | Annotated[Whole, Field(ge=1, lt=2**31)]
    noise_floor: Literal["note", "require"]

    @model_validator(mode="after")
    def _ends_rest_on_resamples(self) -> "PromoteParams":
        if (least := round(MIN_BEYOND / (1 - self.confidence))) > self.num_resamples:
            raise ValueError(
                f"confidence is {self.confidence:g}, num_resamples {self.num_resamples}: too few lie beyond an end; "
                f"expected at least {least} resamples"
            )
        return self


class Params(Section):
    """The whole of `params.yaml`, a section for each stage."""

    validate_: ValidateParams = Field(alias="validate")
    preprocess: PreprocessParams
    train: TrainParams
    export: ExportParams
    evaluate: EvaluateParams
    gate: GateParams
    promote: PromoteParams


def read_params(path: Path = PARAMS) -> Params:
    """Reads and checks `params.yaml`.

    Raises:
        ParamsError: the file is missing or not YAML, or a value is missing, unknown, of the wrong type or out of range.
    """
    otherwise = "run this in the project's folder, or restore it from git"
    return parse_params(read_yaml(path, ParamsError, otherwise), path)


def parse_params(content: Any, path: Path = PARAMS) -> Params:
    """Checks the content of a params file; `path` is for the message.

    Raises:
        ParamsError: names every value that is wrong, not only the first.
    """
    if not isinstance(content, dict):
        raise ParamsError(f"{path}: found {type(content).__name__}, expected sections such as `train:`")
    try:
        return Params.model_validate(_lists_to_tuples(content))
    except ValidationError as err:
        lines = [_explain(error, content) for error in err.errors()]
        raise ParamsError(f"{path}: " + f"\n{path}: ".join(lines)) from err


def _lists_to_tuples(content: Any) -> Any:
    """YAML knows lists only; the params are frozen, so they hold tuples."""
    if isinstance(content, dict):
        return {name: _lists_to_tuples(value) for name, value in content.items()}
    if isinstance(content, list):
        return tuple(_lists_to_tuples(value) for value in content)
    return content


def _explain(error: Any, content: dict[str, Any]) -> str:
    location = [part if isinstance(part, str) and part.isprintable() else quoted(part) for part in error["loc"]]
    name = ".".join(location)
    if error["type"] == "extra_forbidden":
        return f"unknown name `{name}`{_guess(location)}; remove it or correct its spelling"
    if error["type"] == "missing":
        return f"`{name}` is missing; nothing has a default, so add it"
    if error["type"] == "value_error":
        return f"`{name}`: {error['msg'].removeprefix('Value error, ')}"
    if isinstance(error["input"], str) and _is_number(error["input"]):
        return f"`{name}` is the text {quoted(error['input'])}, expected a number; remove the quotes"
    if error["type"] in ("string_type", "invalid_key"):
        return f"`{name}` is {quoted(error['input'])}, expected a text; put it into quotes"
    return f"`{name}` is {quoted(error['input'])}; {error['msg']}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _guess(location: list[str]) -> str:
    """The known name nearest to the unknown one, in the section where it was found."""
    section: Any = Params
    for part in location[:-1]:
        fields = {field.alias or name: field for name, field in section.model_fields.items()}
        section = fields[part].annotation
    known = [field.alias or name for name, field in section.model_fields.items()]
    near = get_close_matches(location[-1], known, n=1)
    return f", did you mean `{near[0]}`?" if near else f" (known here: {', '.join(known)})"
